# SPDX-License-Identifier: MIT
"""A mixed load on four cores, drivers ended at random meanwhile (userspace/programs/soak): nothing of it stays."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import pytest
from conftest import BootFunction, count_objects, wait_all_done

from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine

FRAMES_TOLERATED = 96  # what cores and the kernel's heap keep for next time
SEED = int(os.environ.get("SEED", "1"))
ROUND_SECONDS = 120.0


@dataclass(frozen=True)
class Cost:
    """What there is when a round is over."""

    frames: int
    objects: dict[str, int]


def measure(kdebug: KdebugPrompt) -> Cost:
    free = re.search(r"^ *free +(\d+)", kdebug.command("mem"), re.MULTILINE)
    assert free and "check: 0 broken" in kdebug.command("check", timeout=300)
    return Cost(int(free[1]), count_objects(kdebug))


def start(boot: BootFunction, options: str) -> Machine:
    """With a COM2 for its driver, and a screen. A failure is repeated with SEED=."""
    print(f"seed {SEED}")
    return boot(cpus=4, capture_port="com2", cmdline=f"workload=soak:seed={SEED}:{options} tracer=0 trace=none")


def next_cost(machine: Machine, seconds: float) -> Cost | None:
    """At the next measurement; None: it has ended, well."""
    match = machine.expect(r"^(?:soak: measure|init: all done: (\d+) passed, (\d+) failed)$", seconds)
    if match[1] is not None:
        assert match.groups() == ("1", "0"), machine.serial.text[-3000:]
        return None
    kdebug = machine.wait_prompt()
    cost = measure(kdebug)
    machine.send("continue\r")
    return cost


def assert_no_growth(first: Cost, last: Cost) -> None:
    assert last.objects == first.objects
    assert abs(last.frames - first.frames) <= FRAMES_TOLERATED, (first.frames, last.frames)


def test_a_mixed_load_leaves_nothing_behind(boot: BootFunction) -> None:
    """Frames and objects after the fourth round are those after the second; accounts the program compares itself."""
    machine = start(boot, "rounds=4:measure=2")
    costs = [next_cost(machine, 4 * ROUND_SECONDS) for _ in range(2)]
    assert wait_all_done(machine, ROUND_SECONDS) == (1, 0)
    assert costs[0] and costs[1]
    assert_no_growth(costs[0], costs[1])
    ended = re.findall(r"^soak: round \d: (\d+) ended, (\d+) answers$", machine.serial.text, re.MULTILINE)
    assert len(ended) == 4
    assert "init: service serial: " in machine.serial.text and "given up" not in machine.serial.text


@pytest.mark.soak
def test_hours_of_a_mixed_load_leave_nothing_behind(boot: BootFunction) -> None:
    seconds = int(float(os.environ.get("HOURS", "1")) * 3600)
    machine = start(boot, f"seconds={seconds}:measure=20")
    first = cost = next_cost(machine, 20 * ROUND_SECONDS)
    while cost:
        assert first
        assert_no_growth(first, cost)
        cost = next_cost(machine, 20 * ROUND_SECONDS)
    assert "given up" not in machine.serial.text
