# SPDX-License-Identifier: MIT
"""A figure, and the lines in which a guest prints one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from spoorlib.console import UserError

# "BENCH syscall.null min=1392 median=1392 n=1000", at the end perhaps "instructions=200000".
LINE = re.compile(r"^BENCH (?P<key>[\w.]+) min=(?P<min>\d+) median=(?P<median>\d+) n=(?P<n>\d+)"
                  r"(?: instructions=(?P<instructions>\d+))?$", re.MULTILINE)
# What is counted, not timed: "COUNT trace.loss_at_300 0 events".
COUNT = re.compile(r"^COUNT (?P<key>[\w.]+) (?P<count>\d+) (?P<unit>\w+)$", re.MULTILINE)

# The kernel's calibration line is for one turn of its loop: two instructions.
CALIBRATION_DEFAULT = 2
CALIBRATION_TOLERANCE = 0.001
NOT_FIGURES = ("calibration", "overhead")


@dataclass(frozen=True)
class Figure:
    """A measured cost. The median is what goals are compared with."""

    min: float
    median: float
    unit: str = "instructions"

    def as_json(self) -> dict[str, Any]:
        return {"min": self.min, "median": self.median, "value": self.median, "unit": self.unit}


def parse_lines(text: str, shift: int) -> dict[str, Figure]:
    """
    The figures in a serial log: times in instructions, and counts.

    A key that is printed twice keeps its first figure: the kernel's own comes before a program's view of the same.
    UserError: the calibration loop does not give 2^shift ticks per instruction, or none was printed.
    """
    figures: dict[str, Figure] = {}
    calibrations = 0
    for match in LINE.finditer(text):
        if match["key"] == "calibration":
            calibrations += 1
            check_scale(match, shift)
        elif match["key"] not in NOT_FIGURES and match["key"] not in figures:
            figures[match["key"]] = Figure(scale(match["min"], shift), scale(match["median"], shift))
    if not calibrations:
        raise UserError("the guest printed no calibration line: its figures cannot be believed")
    for match in COUNT.finditer(text):
        figures[match["key"]] = Figure(int(match["count"]), int(match["count"]), match["unit"])
    return figures


def check_scale(match: re.Match[str], shift: int) -> None:
    known = int(match["instructions"] or CALIBRATION_DEFAULT)
    ratio = int(match["min"]) / (known << shift)
    if abs(ratio - 1) > CALIBRATION_TOLERANCE:
        raise UserError(f"a loop of {known} instructions took {match['min']} ticks, not {known << shift}: "
                        "was the machine not run with -icount, or another shift?")


def scale(ticks: str, shift: int) -> float:
    """Ticks to instructions: a whole number unless the figure was divided in the guest."""
    value = int(ticks) / (1 << shift)
    return int(value) if value.is_integer() else round(value, 2)
