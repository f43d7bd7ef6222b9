#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Load a timeline in Perfetto's own trace processor, where a user has one: its importer must have nothing to complain
about, our SQL tables must answer, and it must count what our own checker counts in the capture.

    check_perfetto.py --tp PATH TRACE [CAPTURE]

CAPTURE is what the timeline was made of (default: the file beside it). Exit codes: 0 good, 1 it complains, 2 there is
no such program or file.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from spoorlib import tracetool, views  # noqa: E402

# Of severity info only, and yet signs of a writer's mistake.
INFO = ("track_event_parser_errors", "track_event_tokenizer_errors", "tokenizer_skipped_packets",
        "interned_data_tokenizer_errors", "flow_step_without_start", "flow_end_without_start",
        "compact_sched_waking_skipped", "ftrace_packet_before_tracing_start", "slice_max_depth_exceeded")
COMPLAINTS = f"""
SELECT name, idx, value, severity FROM stats
WHERE value > 0 AND (severity IN ('error', 'data_loss', 'notice') OR name IN {INFO});
"""
QUESTIONS = {
    "switches": "SELECT count(*) AS n FROM sched;",
    "threads with a waker": "SELECT count(DISTINCT utid) AS n FROM thread_state WHERE waker_utid IS NOT NULL;",
    "waits with a reason": "SELECT count(*) AS n FROM thread_state WHERE blocked_function IS NOT NULL;",
    "calls served": "SELECT count(*) AS n FROM spoor_ipc_call WHERE serve_id IS NOT NULL;",
    "nested calls": "SELECT count(*) AS n FROM spoor_ipc_call WHERE parent_id IS NOT NULL;",
    "page faults": "SELECT count(*) AS n FROM spoor_fault;",
    "interrupts": "SELECT count(*) AS n FROM slice WHERE name GLOB 'IRQ (*';",
}


# Questions that our checker answers, too, and where in its JSON. A timeline leaves the ragged ends of a capture out, so
# it may have fewer, but never more.
SAME = {"switches": ("switches",), "calls served": ("calls", "whole"), "page faults": ("faults",),
        "interrupts": ("irqs",)}


def ask(processor: str, trace: Path, query: str) -> list[list[str]]:
    """The rows of an answer, without the head."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(query)
        file.flush()
        done = subprocess.run([processor, "-q", file.name, str(trace)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-2000:])
    return [row for row in csv.reader(done.stdout.splitlines()) if row][1:]


def counted(capture: Path) -> dict[str, int]:
    """What our checker counts in a capture, by question."""
    counts = {}
    for what, keys in SAME.items():
        value: Any = json.loads(tracetool.output("check", "--json", str(capture), accept=(0, 1)))
        for key in keys:
            value = value[key]
        counts[what] = value
    return counts


def examine(processor: str, trace: Path, limits: dict[str, int]) -> list[str]:
    """What is wrong; says what is there."""
    wrong = [f"{name}[{index or '-'}] = {value} ({severity})"
             for name, index, value, severity in ask(processor, trace, COMPLAINTS)]
    for what, query in QUESTIONS.items():
        count = int(ask(processor, trace, views.tables() + query)[0][0])
        print(f"{count:>10} {what}" + (f", our checker: {limits[what]}" if what in limits else ""))
        if count > limits.get(what, count):
            wrong.append(f"there are {count} {what}, and in the capture {limits[what]}")
        if count == 0:
            wrong.append(f"there are no {what}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description="load a timeline in Perfetto's trace processor")
    parser.add_argument("--tp", default="trace_processor_shell", help="the trace processor")
    parser.add_argument("trace", type=Path)
    parser.add_argument("capture", type=Path, nargs="?", help="what it was made of")
    options = parser.parse_args()
    processor = shutil.which(options.tp or "trace_processor_shell")
    if processor is None or not options.trace.is_file():
        print("give TP=PATH of trace_processor_shell" if processor is None else
              f"{options.trace} does not exist: run 'make demo'", file=sys.stderr)
        return 2
    try:
        capture = options.capture or options.trace.with_suffix(".spoor")
        wrong = examine(processor, options.trace, counted(capture) if capture.exists() else {})
    except RuntimeError as error:
        wrong = [str(error)]
    print("\n".join(wrong) or "the importer has nothing to complain about")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
