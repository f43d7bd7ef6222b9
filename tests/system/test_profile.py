# SPDX-License-Identifier: MIT
"""The sampling profiler in the running system. With -icount: a beat is a fixed number of instructions."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from conftest import TRACE_ENDED, BootFunction, wait_all_done

from qemu.paths import ROOT, build_folder, trace_tool

sys.path.insert(0, str(ROOT / "tests" / "host"))
from perfetto_check import Report, Sample, check_file  # noqa: E402

RATE = 1000
TURNS = 4000000
CHAIN = ["frames_outer", "frames_middle", "frames_inner"]


def recorded(boot: BootFunction, folder: Path, workload: str, cpus: int) -> Report:
    capture = folder / "profile.spoor"
    machine = boot(cpus=cpus, icount=4, cmdline=f"workload={workload} profile={RATE}", capture=capture)
    assert wait_all_done(machine, 180)[1] == 0
    assert machine.expect(TRACE_ENDED + ".*$", 60).group(0) == "init: trace complete"
    trace = folder / "profile.pftrace"
    build = build_folder() / "debug"
    subprocess.run([str(trace_tool()), "convert", "--symbols", str(build / "kernel.elf"),
                    "--programs", str(build / "user"), str(capture), str(trace)], check=True)
    report = check_file(trace, keep=True)
    assert report.ok, report.summary()
    return report


def functions(sample: Sample) -> list[str]:
    return [frame.split(":")[1] for frame in sample.stack.split(" > ")]


def running_ms(report: Report, tid: int) -> float:
    return report.state_ns[tid]["Running"] / 1e6


def main_thread(report: Report, name: str) -> int:
    found = [tid for tid, (pid, thread) in report.threads.items() if thread == name and tid == pid]
    assert len(found) == 1, (name, report.threads)
    return found[0]


def test_samples_follow_a_known_chain_and_bad_frames_do_no_harm(boot: BootFunction, tmp_path: Path) -> None:
    report = recorded(boot, tmp_path, f"frames:turns={TURNS}", cpus=1)
    tid = main_thread(report, "frames")
    mine = [sample for sample in report.samples if sample.tid == tid and not sample.in_kernel]
    # A beat each millisecond: no sample more, and at most one in fifty less.
    assert 0.98 * running_ms(report, tid) - 2 <= len([s for s in report.samples if s.tid == tid]) \
        <= running_ms(report, tid) + 2
    stacks = Counter(tuple(functions(sample)[-3:]) for sample in mine)
    chain = stacks[tuple(CHAIN)]
    # Four instructions a turn, 16 ns each; and at most 5,000 instructions for each sample, which is 8 % of a beat.
    beats = TURNS * 4 * 16 / 1e6
    assert beats - 3 <= chain <= 1.08 * beats, stacks
    lost = [functions(sample) for sample in mine if functions(sample)[-1] == "frames_lost"]
    beats = 12 * TURNS / 4 * 2 * 16 / 1e6
    assert beats - 12 <= len(lost) <= 1.08 * beats
    # A frame pointer that leads nowhere ends the stack; the circle goes round once.
    assert all(stack in (["frames_lost"], ["main", "frames_lost"]) for stack in lost), lost


def test_kernel_stacks_go_on_in_user_mode(boot: BootFunction, tmp_path: Path) -> None:
    report = recorded(boot, tmp_path, "ipcload:calls=3000", cpus=2)
    kernel = [functions(sample) for sample in report.samples if sample.in_kernel]
    assert len(kernel) > 50
    assert {sample.cpu for sample in report.samples} == {0, 1}
    whole = [stack for stack in kernel if "syscall_dispatch" in stack]
    assert len(whole) > len(kernel) / 2
    beyond = [stack for stack in whole if stack.index("syscall_dispatch") > 0]  # who called it, in user mode
    assert len(beyond) > 0.9 * len(whole)
    seen = {name for stack in kernel for name in stack}
    assert "syscall_dispatch" in seen and any(name.startswith("sys_") for name in seen), seen


def test_the_rate_is_changed_and_refused_at_the_prompt(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=hog:steps=1000000000000 tracer=0 profile=0x10")
    machine.expect("profile=0x10: a rate from 19 to 10000", 30)
    machine.expect("^init: workload", 60)
    with machine.at_prompt() as kdebug:
        assert kdebug.command("profile").strip() == "off"
        assert "from 19 to 10000" in kdebug.command("profile 5")
        assert kdebug.command("profile 2000").startswith("2000 samples per second")
    prompt = machine.break_in()
    prompt.resume()
    with machine.at_prompt() as kdebug:
        samples = kdebug.command("trace last 1000 profile.sample").splitlines()
        assert len(samples) > 0 and all(re.search(r"stack=\d+ thread=[1-9]", line) for line in samples)
        assert kdebug.command("profile off").strip() == "off"
        before = kdebug.command("trace last 1 profile.sample")
    with machine.at_prompt() as kdebug:
        assert kdebug.command("trace last 1 profile.sample") == before
