# SPDX-License-Identifier: MIT
"""
spoor diff: which paths got longer from one capture to another.

Rows are joined by names, since ids differ from run to run. A path changed if its median did, by more than --threshold
percent; those that cost most come first.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from . import report_data
from .console import UserError
from .options import Subparsers, add_command
from .report_data import Json, Scale, operation_name
from .report_text import name_of, table

EXAMPLES = """\
  spoor diff before.spoor after.spoor
  spoor diff --threshold 5 before.json after.json        of reports saved by 'spoor report --json'
  spoor diff --json before.spoor after.spoor
Record both with 'spoor trace record --icount 4', and differences are instructions, the same on every host.
"""
COUNT_MIN = 3  # fewer are no distribution


@dataclass(frozen=True)
class Change:
    """A path in both captures; median and 99th percentile in ns or, if both were counted, in instructions."""

    kind: str
    name: str
    count_a: int
    count_b: int
    median_a: float
    median_b: float
    p99_a: float
    p99_b: float

    @property
    def percent(self) -> float:
        return 100 * (self.median_b - self.median_a) / max(1.0, self.median_a)

    @property
    def cost(self) -> float:
        """What the change costs over the whole of B."""
        return (self.median_b - self.median_a) * self.count_b


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "diff", "which paths got longer between two captures",
                         "Compares calls and their parts, wake-ups, page faults, system calls, interrupts.", EXAMPLES)
    parser.add_argument("before", type=Path, help="capture, or a saved report (.json)")
    parser.add_argument("after", type=Path)
    parser.add_argument("--threshold", type=float, default=10.0, metavar="PERCENT",
                        help="least change of a median worth showing (default: 10)")
    parser.add_argument("--all", action="store_true", help="every path that is in both")
    parser.add_argument("--json", action="store_true", help="for scripts")
    parser.set_defaults(run=run)


def distributions(report: Json) -> Iterator[tuple[str, str, Json]]:
    """Kind, name and distribution of every path of a report."""
    for row in report["calls"]["operations"]:
        for part in ("trip", "queue", "serve", "back"):
            yield f"call, {part}", operation_name(row), row[part]
    for row in report["processes"]:
        yield "wake-up to run", row["process"], row["wake"]
        yield "page fault", row["process"], row["fault"]
    for row in report["syscalls"]:
        yield "system call", row["name"], row["time"]
    for row in report["interrupts"]:
        yield "interrupt", row["name"], row["time"]
    for row in report["numbers"]:
        if "time" in row:
            yield "event", row["event"], row["time"]


def compare(before: Json, after: Json, scales: tuple[Scale, Scale]) -> list[Change]:
    old = {(kind, name): values for kind, name, values in distributions(before)}
    changes = []
    for kind, name, values in distributions(after):
        base = old.get((kind, name))
        if base is None or min(base["count"], values["count"]) < COUNT_MIN:
            continue
        a, b = scales
        changes.append(Change(kind, name, base["count"], values["count"], a.value(base["median_ns"]),
                              b.value(values["median_ns"]), a.value(base["p99_ns"]), b.value(values["p99_ns"])))
    return sorted(changes, key=lambda change: -change.cost)


def run(args: argparse.Namespace) -> int:
    reports = report_data.load(args.before), report_data.load(args.after)
    scales = report_data.scale_of(reports[0]), report_data.scale_of(reports[1])
    if (scales[0].shift is None) != (scales[1].shift is None):
        raise UserError("one of the two was counted in instructions (-icount), the other was not: record both alike")
    changes = compare(*reports, scales)
    shown = [change for change in changes if args.all or abs(change.percent) >= args.threshold]
    if args.json:
        print(json.dumps([{**asdict(change), "percent": change.percent} for change in shown], indent=2))
        return 0
    print(render(shown, len(changes), reports, scales[1]))
    return 0


def render(shown: list[Change], compared: int, reports: tuple[Json, Json], scale: Scale) -> str:
    unit = "instructions" if scale.shift is not None else "ns"
    lines = [f"A {reports[0]['file']}: {reports[0]['kernel']}", f"B {reports[1]['file']}: {reports[1]['kernel']}",
             f"{compared} paths are in both; medians in {unit}"]
    longer = [change for change in shown if change.cost > 0]
    shorter = [change for change in reversed(shown) if change.cost < 0]
    for title, changes in (("Longer in B, most time first", longer), ("Shorter in B", shorter)):
        lines += table(title, ["path", "count A", "count B", "median A", "median B", "change", "p99 A", "p99 B"],
                       ([f"{change.kind}: {change.name}", str(change.count_a), str(change.count_b),
                         f"{change.median_a:.0f}", f"{change.median_b:.0f}", f"{change.percent:+.0f}%",
                         f"{change.p99_a:.0f}", f"{change.p99_b:.0f}"] for change in changes))
    if not longer and not shorter:
        lines.append("nothing changed by more than the threshold")
    gone = {name_of(row) for row in reports[0]["processes"]} ^ {name_of(row) for row in reports[1]["processes"]}
    if gone:
        lines += ["", f"processes in only one of them: {', '.join(sorted(gone))}"]
    return "\n".join(lines)
