# SPDX-License-Identifier: MIT
"""
spoor trace record and what it can be told to record beside events, from the option to the timeline.

The files are read by the tests' own decoder of Perfetto's format, which shares nothing with the converter.
"""

from __future__ import annotations

import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import spoor_gen

from qemu.paths import ROOT

sys.path.insert(0, str(ROOT / "tests" / "host"))
from perfetto_check import Report, check_file  # noqa: E402

RECORD_SECONDS = 300
CHAIN = ["frames_outer", "frames_middle", "frames_inner"]
NUMBERS = {name: call["number"] for name, call in spoor_gen.SYSCALLS.items()}
DIRECT = {"mailbox_call", "mailbox_reply_receive"}  # need not come by the dispatcher


def record(trace: Path, *options: object) -> Report:
    done = subprocess.run([str(ROOT / "tools" / "spoor"), "trace", "record", "-o", trace, *map(str, options)],
                          capture_output=True, text=True, timeout=RECORD_SECONDS)
    assert done.returncode == 0 and "no findings" in done.stdout, done.stdout + done.stderr
    report = check_file(trace, keep=True)
    assert report.ok, report.summary()
    return report


def test_a_probe_functions_and_samples_of_one_recording(tmp_path: Path) -> None:
    """In virtual time. What the probe saw is known from the events, which functions are traced from the option."""
    report = record(tmp_path / "out.pftrace", "--icount", 4, "--cpus", 1, "--profile", 1000,
                    "--functions", "sys_process_*,mailbox_*,-mailbox_create", "--probe",
                    "syscall_dispatch,number=rdi:trap_frame.rax", "--", "frames:turns=400000")
    hits = sorted((hit.time, hit.args["number"]) for hit in report.instants if hit.name == "syscall_dispatch")
    calls = [call for call in report.slices
             if call.category == "syscall" and call.name not in DIRECT and "continued" not in call.args]
    for call in calls:
        newest = max((hit for hit in hits if hit[0] < call.begin), default=None)
        assert newest is None or newest[1] == NUMBERS[call.name], (call, newest)
    assert len(calls) > 50 and len(hits) >= len(calls)
    functions = {call.name for call in report.slices if call.category == "function"}
    assert functions >= {"sys_process_create", "mailbox_call_direct"} and "mailbox_create" not in functions
    assert all(fnmatch(name, "sys_process_*") or fnmatch(name, "mailbox_*") for name in functions), functions
    stacks = [[frame.split(":")[1] for frame in sample.stack.split(" > ")] for sample in report.samples]
    # Four instructions of 16 ns a turn: 25.6 ms of the chain alone.
    assert 22 <= sum(stack[-3:] == CHAIN for stack in stacks) <= 30, stacks


def test_the_kernel_ends_a_recording_at_a_trigger(tmp_path: Path) -> None:
    trace = tmp_path / "out.pftrace"
    report = record(trace, "--cpus", 2, "--trigger",
                    "stop=300:sched.thread.switch,state=dead;mark:ipc.return,status!=OK", "--", "ipcload:calls=300")
    marks = [mark for mark in report.instants if mark.name == "trace.trigger" and mark.args["action"] == "stop"]
    stop = min(marks, key=lambda mark: mark.time)
    held, = [item for item in report.slices if item.name == "HELD by a trigger on sched.thread.switch"]
    # At most a sub-buffer of each core late; nothing comes behind it, and nobody says so of the time before.
    assert 300 <= held.args["events"] < 300 + 2 * 2048 + 200 and held.begin > stop.time and held.end is None
    assert all(item.begin > stop.time for item in report.slices if item.name.startswith("OFF"))
    assert all(item.begin <= held.begin for item in report.slices if item.category in ("syscall", "ipc", "fault"))
