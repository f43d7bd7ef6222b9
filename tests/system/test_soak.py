# SPDX-License-Identifier: MIT
"""A mixed load on four cores, drivers ended at random meanwhile (userspace/programs/soak): nothing of it stays."""

from __future__ import annotations

import os
import random
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import BootFunction, count_objects, wait_all_done

from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine

FRAMES_TOLERATED = 96  # what cores and the kernel's heap keep for next time
SEED = int(os.environ.get("SEED", "1"))
ROUND_SECONDS = 120.0
DISK_BYTES = 1 << 20
CLIENTS_OF_LOG = 5


@dataclass(frozen=True)
class Cost:
    """What there is when a round is over."""

    frames: int
    objects: dict[str, int]


def measure(kdebug: KdebugPrompt) -> Cost:
    free = re.search(r"^ *free +(\d+)", kdebug.command("mem"), re.MULTILINE)
    assert free and "check: 0 broken" in kdebug.command("check", timeout=300)
    objects = count_objects(kdebug)
    # Who has a handle of a log that was ended learns of it with his next line: one each, until then.
    ended = kdebug.command("mailboxes").count(" closed\n")
    assert ended <= CLIENTS_OF_LOG
    return Cost(int(free[1]), objects | {"mailbox": objects["mailbox"] - ended})


def start(boot: BootFunction, folder: Path, options: str) -> Machine:
    """With a COM2 for its driver, a disk and a screen. A failure is repeated with SEED=."""
    print(f"seed {SEED}")
    disk = folder / "disk.img"
    disk.write_bytes(random.Random(SEED).randbytes(DISK_BYTES))
    return boot(cpus=4, capture_port="com2", disk=disk,
                cmdline=f"workload=soak:seed={SEED}:{options} tracer=0 trace=none")


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


def test_a_mixed_load_leaves_nothing_behind(boot: BootFunction, tmp_path: Path) -> None:
    """Frames and objects after the fourth round are those after the second; accounts the program compares itself."""
    machine = start(boot, tmp_path, "rounds=4:measure=2")
    costs = [next_cost(machine, 4 * ROUND_SECONDS) for _ in range(2)]
    assert wait_all_done(machine, ROUND_SECONDS) == (1, 0)
    assert costs[0] and costs[1]
    assert_no_growth(costs[0], costs[1])
    ended = re.findall(r"^soak: round \d: (\d+) ended, (\d+) answers$", machine.serial.text, re.MULTILINE)
    assert len(ended) == 4
    assert "given up" not in machine.serial.text
    assert all(f"init: service {name}: " in machine.serial.text for name in ("serial", "disk", "input", "screen"))


@pytest.mark.soak
def test_hours_of_a_mixed_load_leave_nothing_behind(boot: BootFunction, tmp_path: Path) -> None:
    seconds = int(float(os.environ.get("HOURS", "1")) * 3600)
    machine = start(boot, tmp_path, f"seconds={seconds}:measure=20")
    first = cost = next_cost(machine, 20 * ROUND_SECONDS)
    while cost:
        assert first
        assert_no_growth(first, cost)
        cost = next_cost(machine, 20 * ROUND_SECONDS)
    assert "given up" not in machine.serial.text
