# SPDX-License-Identifier: MIT
"""
What `spoor-trace report` found, for those who show it: units, and the critical path of a call.

A call is synchronous, so its time is a chain without gaps: wait for the server, what the server did (running, waiting
for a core, page faults, calls of its own, other waits), way back. A call of the server's own is again such a chain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qemu.paths import show

from . import tracetool
from .console import UserError

Json = dict[str, Any]

# Keys of "spent" and what they are called, in the order in which they are shown. Calls are shown as the calls they are.
SPENT = {"run_ns": "running", "ready_ns": "waiting for a core", "fault_ns": "page faults", "blocked_ns": "waiting",
         "unknown_ns": "not recorded"}
QUEUE, QUEUE_IDLE, REST = "queue", "server waits", "calls not shown"
BACK, BACK_READY = "way back", "client waits for core"
ICOUNT = re.compile(r"(?:^| )icount=(\d+)(?: |$)")


@dataclass(frozen=True)
class Scale:
    """How times are shown: as time, or as instructions of a machine that counted them (-icount shift)."""

    tsc_khz: int
    shift: int | None

    def value(self, ns: float) -> float:
        """Nanoseconds, or instructions."""
        return ns if self.shift is None else ns * self.tsc_khz / 1e6 / (1 << self.shift)

    def text(self, ns: float) -> str:
        """'1.23 ms', or '1230 instr'."""
        if self.shift is not None:
            return f"{number(self.value(ns))} instr"
        for unit, factor in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
            if ns >= factor:
                return f"{ns / factor:.3g} {unit}" if ns < 1000 * factor else f"{ns / factor:.0f} {unit}"
        return f"{ns:.0f} ns"


def number(value: float) -> str:
    """1234567 -> '1.23M'."""
    for suffix, factor in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if value >= factor:
            return f"{value / (1000 if suffix == 'k' else factor):.3g}{suffix}"
    return f"{value:.0f}"


def load(path: Path, symbols: Path | None = None) -> Json:
    """The report of a capture, or one saved with --json. UserError: it is neither."""
    if not path.exists():
        raise UserError(f"there is no file {show(path)}")
    if path.suffix == ".json":
        try:
            report = json.loads(path.read_text())
        except ValueError as error:
            raise UserError(f"{show(path)} is not JSON: {error}") from None
        if not isinstance(report, dict) or "calls" not in report:
            raise UserError(f"{show(path)} was not written by 'spoor report --json'")
        return report
    options = ["--symbols", str(symbols)] if symbols else []
    result: Json = json.loads(tracetool.output("report", *options, str(path), accept=(0, 1)))
    return result


def scale_of(report: Json, shift: int | None = None) -> Scale:
    """Instructions if the machine was run by `spoor trace record --icount N`, which writes so into its command line."""
    match = ICOUNT.search(report["cmdline"])
    return Scale(report["tsc_khz"], int(match[1]) if match and shift is None else shift)


def operation_name(row: Json) -> str:
    """'server/mailbox:0x5'."""
    mailbox = row["mailbox_name"] or str(row["mailbox"])
    server = "" if row["server"] in ("?", mailbox) else row["server"] + "/"
    return "all others" if row.get("is_rest") else f"{server}{mailbox}:{row['label']:#x}"


def slowness(call: Json) -> int:
    """Without the time for which the server itself waited for something else to happen."""
    return int(call["trip_ns"] - call["queue_idle_ns"])


def slowest_calls(report: Json) -> list[Json]:
    """The slowest call of each operation, slowest first."""
    calls = [row["slowest"] for row in report["calls"]["operations"] if "slowest" in row]
    return sorted(calls, key=slowness, reverse=True)


@dataclass(frozen=True)
class Step:
    """A part of a call's time."""

    call: Json
    depth: int
    what: str
    ns: int


def path_of(call: Json, depth: int = 0) -> Iterator[Step]:
    """The critical path; the steps add up to the whole trip."""
    yield Step(call, depth, QUEUE_IDLE, call["queue_idle_ns"])
    yield Step(call, depth, QUEUE, call["queue_ns"] - call["queue_idle_ns"])
    for key, what in SPENT.items():
        yield Step(call, depth, what, call["spent"][key])
    for child in call["calls"]:
        yield from path_of(child, depth + 1)
    yield Step(call, depth, REST, call["spent"]["call_ns"] - sum(child["trip_ns"] for child in call["calls"]))
    yield Step(call, depth, BACK_READY, call["back_ready_ns"])
    yield Step(call, depth, BACK, call["back_ns"] - call["back_ready_ns"])


def cause_of(call: Json) -> Step:
    """The longest step."""
    return max((step for step in path_of(call) if step.what != QUEUE_IDLE), key=lambda step: step.ns)


def fault_of(call: Json) -> Json | None:
    """The longest page fault on the path, if faults are what took longest; its 'count' has all of that call's."""
    step = cause_of(call)
    if step.what != SPENT["fault_ns"]:
        return None
    return {**step.call["worst_fault"], "count": step.call["faults"]}


def slowest_as_json(call: Json) -> Json:
    """For scripts: which call, and why."""
    step = cause_of(call)
    return {
        "operation": operation_name(call),
        "trip_ns": call["trip_ns"],
        "start_ns": call["start_ns"],
        "client": call["client"],
        "cause": {"server": step.call["server"], "mailbox": step.call["mailbox_name"], "label": step.call["label"],
                  "operation": operation_name(step.call), "what": step.what, "time_ns": step.ns,
                  "fault": fault_of(call)},
        "path": [{"operation": operation_name(part.call), "depth": part.depth, "what": part.what, "time_ns": part.ns}
                 for part in path_of(call) if part.ns],
        "call": call,
    }
