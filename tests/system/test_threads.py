# SPDX-License-Identifier: MIT
"""Life of threads and processes, and what belongs to each thread alone."""

from __future__ import annotations

import re

import pytest
from conftest import BootFunction, wait_all_done

from qemu.kdebug import KdebugPrompt

FRAMES_TOLERATED = 32  # slabs of the kernel heap that some cores touch in one pass and others in the next


@pytest.mark.parametrize("cpus", [1, 4])
def test_fpu_and_segment_bases_belong_to_each_thread_alone(boot: BootFunction, cpus: int) -> None:
    machine = boot(cpus=cpus, cmdline="workload=registers:threads=8,hog trace=none tracer=0")
    assert wait_all_done(machine, 180) == (2, 0)


@pytest.mark.parametrize("cpus", [1, 4])
def test_threads_are_suspended_killed_and_joined_in_every_state(boot: BootFunction, cpus: int) -> None:
    machine = boot(cpus=cpus, cmdline="workload=life:rounds=9 trace=none tracer=0")
    assert wait_all_done(machine, 240) == (1, 0)
    with machine.at_prompt() as kdebug:
        assert "check: 0 broken" in kdebug.command("check sched process")


def count_all(kdebug: KdebugPrompt) -> tuple[int, int, int]:
    """Free frames, processes, threads."""
    free = re.search(r"^ *free +(\d+)", kdebug.command("mem"), re.MULTILINE)
    assert free
    processes = re.search(r"(\d+)", kdebug.command("processes ! count"))
    assert processes
    return int(free.group(1)), int(processes.group(1)), len(kdebug.threads())


@pytest.mark.parametrize("cpus", [1, 2])
def test_ended_threads_and_processes_leave_nothing_behind(boot: BootFunction, cpus: int) -> None:
    machine = boot(cpus=cpus, cmdline="workload=life:measure:rounds=9 trace=none tracer=0")
    counts = []
    for number in range(3):
        machine.expect(rf"^life: pass {number} done", 240)
        kdebug = machine.wait_prompt()
        counts.append(count_all(kdebug))
        kdebug.machine.send("continue\r")
    assert wait_all_done(machine, 240) == (1, 0)
    (_, *before), (free_before, *_), (free_after, *after) = counts[0], counts[1], counts[2]
    assert before == after
    assert abs(free_after - free_before) <= (0 if cpus == 1 else FRAMES_TOLERATED)
