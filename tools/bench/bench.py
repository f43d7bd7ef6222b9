#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Count what Spoor costs, in guest instructions, and compare with the goals.

    bench.py [--no-gate]      what `make bench` runs; writes build/bench.json

Under QEMU's -icount the TSC advances by 2^shift per guest instruction, exactly, so a figure of the guest divided by
2^shift is a number of instructions, the same on every host. A loop of known length in each run proves the scale before
any figure is believed. Host tools are counted by callgrind. README.md has the method and the keys.

Exit codes: 0 all goals met (or --no-gate), 1 a goal is missed or could not be measured.
"""

from __future__ import annotations

import argparse
import json
import operator
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from qemu import paths  # noqa: E402
from qemu.errors import MachineError  # noqa: E402
from spoorlib.console import Progress, UserError  # noqa: E402

from debugger import measure_debugger  # noqa: E402
from guest import (SHIFT, measure_capture, measure_consoles, measure_disks, measure_export,  # noqa: E402
                   measure_kernel)
from host import measure_converter  # noqa: E402
from figures import Figure  # noqa: E402
from info_threads import measure_info_threads  # noqa: E402
from packed_report import measure_report  # noqa: E402
from pairs import measure_contention, measure_hidden  # noqa: E402
from size import measure_sizes  # noqa: E402
from trace_view import measure_trace_view  # noqa: E402

# Goals of this round: key, comparison, limit. "make bench" fails when one is missed.
GOALS: dict[str, tuple[str, float]] = {
    "syscall.null": ("<=", 100),
    "ipc.call_reply.0w": ("<=", 420),
    "ipc.call_reply.4w": ("<=", 440),
    "ipc.call_reply.8w": ("<=", 460),
    "ipc.call_reply.64w": ("<=", 1200),
    "ipc.call_reply.4096B": ("<=", 2200),
    "ipc.call_reply.65536B": ("<=", 21299),  # 1.3 times the bare copies: 8192 words each way
    "ipc.call.one_way": ("<=", 220),
    "ipc.call_reply.8w.xcore": ("<=", 2600),
    "ipc.contended": ("=", 0),
    "ipc.call_reply.0w.hidden.cr3_loads": ("<=", 2),
    "ipc.call_reply.0w.hidden.wrmsr": ("=", 0),
    "ipc.call_reply.0w.hidden.locked": ("<=", 4),
    "ipc.call_reply.0w.hidden.xsave": ("=", 0),
    "irq.to_user": ("<=", 500),
    "driver.irq_to_thread": ("<=", 600),
    "kernel.irqs_off_max": ("<=", 30000),
    "event.ping_pong": ("<=", 900),
    "event.wake_higher_priority": ("<=", 450),
    "futex.ping_pong": ("<=", 1100),
    "fault.anon_4k": ("<=", 1200),
    "fault.cow_4k": ("<=", 1500),
    "fault.anon_2m": ("<=", 270000),
    "fault.pager_rt": ("<=", 1900),
    "fault.contended": ("<=", 0),
    "fault.contended.frames": ("<=", 500),  # as the host will have it, never more than trips
    "fault.frames.trips": ("<=", 4000),
    "area.map_unmap_64": ("<=", 6000),
    "tlb.shootdown_3": ("<=", 2000),
    "event.signal_idle": ("<=", 150),
    "ipc.call_reply.0w.traced": ("<=", 260),
    "ipc.call_reply.0w.traced_sched": ("<=", 70),
    "trace.event.thread_switch": ("<=", 32),
    "trace.event.irq": ("<=", 24),
    "trace.event.page_fault": ("<=", 34),
    "trace.event.ipc": ("<=", 34),
    "trace.event.user": ("<=", 30),
    "fault.to_handler_rt": ("<=", 1200),
    "sched.yield_rt": ("<=", 600),
    "thread.create_join": ("<=", 4000),
    "process.create_exit": ("<=", 25000),
    "trace.predicate_term": ("<=", 12),
    "trace.aggregate": ("<=", 40),
    "trace.function": ("<=", 70),
    "trace.probe": ("<=", 60),
    "trace.probe.int3": ("<=", 400),
    "trace.profile_per_sample": ("<=", 5000),
    "trace.loss_at_300": ("=", 0),
    "trace.export_instr_per_KiB": ("<=", 400),
    "trace.event.thread_switch.bytes": ("<=", 16),
    "trace.event.irq.bytes": ("<=", 8),
    "trace.event.page_fault.bytes": ("<=", 24),
    "trace.event.ipc.bytes": ("<=", 24),
    "trace.bytes_per_event": ("<=", 17),
    "trace.site_off": ("=", 1),
    "convert.instr_per_event.sched": ("<=", 320),
    "convert.instr_per_event.mixed": ("<=", 900),
    "convert.check_instr_per_event": ("<=", 150),
    "convert.bytes_per_event.deflated": ("<=", 6),
    "convert.rss_MiB": ("<=", 64),
    "kdebug.break_to_prompt": ("<=", 500000),
    "kdebug.gdb_next_packets": ("<=", 20),
    "kdebug.info_threads_errors": ("=", 0),
    "kdebug.info_threads_bytes": ("<=", 34560),  # 3 s at 115,200 Bd
    "kdebug.memory_read_efficiency": (">=", 80),
    "kdebug.trace_view_1M": ("<=", 250_000_000),  # a quarter of a second of a core that executes 10^9 a second
    "kdebug.trace_view_recent": ("<=", 2_000_000),
    "kdebug.report_bytes": ("<=", 11520),  # 1 s at 115,200 Bd
    "kdebug.printer_bytes": ("<=", 6 * 1024),
    "kdebug.btf_bytes": ("<=", 80 * 1024),
}


def is_met(key: str, figure: Figure | None) -> bool | None:
    """Whether a goal is met; None: there is no goal for this key. A figure that is missing misses its goal."""
    if key not in GOALS:
        return None
    sign, limit = GOALS[key]
    if figure is None:
        return False
    return bool({"=": operator.eq, "<=": operator.le, ">=": operator.ge}[sign](figure.median, limit))


def print_table(figures: dict[str, Figure]) -> int:
    """The figures with their goals; returns how many goals are missed."""
    missed = 0
    print(f"{'key':40} {'min':>12} {'median':>12}  {'unit':24} goal")
    for key in sorted({*figures, *GOALS}):
        figure = figures.get(key)
        met = is_met(key, figure)
        missed += met is False
        goal = "" if met is None else f"{GOALS[key][0]} {GOALS[key][1]:g} {'met' if met else 'MISSED'}"
        if figure is None:
            print(f"{key:40} {'-':>12} {'-':>12}  {'not measured':24} {goal}")
        else:
            print(f"{key:40} {figure.min:12g} {figure.median:12g}  {figure.unit:24} {goal}".rstrip())
    return missed


def write_json(figures: dict[str, Figure], target: Path, mode: str) -> None:
    rows: dict[str, Any] = {"mode": mode, "shift": SHIFT, "commit": commit_id()}
    rows |= {key: figure.as_json() for key, figure in sorted(figures.items())}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(rows, indent=2) + "\n")


def commit_id() -> str:
    """The commit that was measured, with '-dirty' if the tree differs from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0],
                                     epilog="Builds nothing: run `make bench`, or `make MODE=release` first.")
    parser.add_argument("--no-gate", action="store_true", help="exit code 0 even if a goal is missed")
    mode = os.environ.get("MODE", "release")
    progress = Progress()
    parts: dict[str, Callable[[], dict[str, Figure]]] = {
        "kernel": lambda: measure_kernel(mode, progress),
        "pairs": lambda: measure_hidden(mode, progress) | measure_contention(mode, progress),
        "capture": lambda: measure_capture(mode, progress) | measure_export(mode, progress),
        "disks": lambda: measure_disks(mode, progress),
        "consoles": lambda: measure_consoles(mode, progress),
        "converter": lambda: measure_converter(progress),
        "kdebug": lambda: (measure_debugger(mode, progress) | measure_trace_view(mode, progress)
                           | measure_info_threads(mode, progress) | measure_report(mode, progress)),
        "size": lambda: measure_sizes(mode),
    }
    parser.add_argument("--only", choices=tuple(parts), help="only this part; no JSON is written")
    args = parser.parse_args()
    figures: dict[str, Figure] = {}
    try:
        for name, measure in parts.items():
            if args.only in (None, name):
                figures |= measure()
    except (MachineError, UserError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    missed = print_table(figures)
    if args.only is None:
        target = paths.build_folder() / "bench.json"
        write_json(figures, target, mode)
        print(f"\n{paths.show(target)}: {len(figures)} figures, {missed} goals missed")
    return 0 if args.no_gate or not missed or args.only else 1


if __name__ == "__main__":
    sys.exit(main())
