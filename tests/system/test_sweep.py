# SPDX-License-Identifier: MIT
"""The interruption sweep: each emitter, interrupted at each of its instructions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from conftest import BootFunction, make_config, wait_all_done

from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine
from qemu.snapshot import machine_from_firmware

VERDICT = re.compile(r"selftest trace: passed: (\d+) events, (\d+) thunks, (\d+) places between instructions, "
                     r"(\d+) interrupted alone, by (#DB|NMI), (\d+) interrupts held")
SWEEP_SECONDS = 240


@dataclass
class Verdict:
    """What the sweep says at its end."""

    kdebug: KdebugPrompt  # the machine stands there
    events: int
    thunks: int
    places: int
    alone: int
    kind: str
    held: int


def sweep(machine: Machine, meanwhile: Callable[[], None] | None = None) -> Verdict:
    """Run it; the machine is at the prompt afterwards."""
    machine.break_in()
    machine.send(b"selftest trace\r")
    machine.expect("kdebug: resume", 60)
    if meanwhile is not None:
        meanwhile()
    kdebug = machine.wait_prompt(SWEEP_SECONDS)
    found = VERDICT.search(kdebug.banner)
    assert found and kdebug.reason == "request", kdebug.banner
    events, thunks, places, alone = map(int, found.group(1, 2, 3, 4))
    return Verdict(kdebug, events, thunks, places, alone, found[5], int(found[6]))


@pytest.fixture(scope="module")
def swept() -> Iterator[Verdict]:
    """On one core, in virtual time: the timer counts instructions."""
    config = make_config("test_sweep", {"icount": 4, "cmdline": "workload=none trace=all tracer=0"})
    with machine_from_firmware(config) as machine:
        wait_all_done(machine)
        yield sweep(machine)


def test_no_interruption_harms_a_record(swept: Verdict) -> None:
    """By NMIs."""
    assert swept.kind == "NMI" and swept.events > 50
    assert swept.places > 200 * swept.events and swept.alone >= swept.places, swept
    recorded = swept.kdebug.command("trace last 3 kdebug.selftest")
    assert (f"kdebug.selftest wrong=0 events={swept.events} boundaries={swept.places} interrupted={swept.alone}"
            in recorded)
    assert "check: 0 broken" in swept.kdebug.command("check")


def test_maskable_interrupts(swept: Verdict) -> None:
    """At the same places: each has to wait until the record is written, and is taken then. None of it is recorded."""
    assert swept.held >= swept.places, swept
    assert not re.search(r"irq.enter vector=0xff", swept.kdebug.command("trace last 100 irq.enter"))


def test_thunks(swept: Verdict) -> None:
    """Those of traced functions and of probes were interrupted, too; their events are off again."""
    assert swept.thunks == 2
    for event in ("function.enter", "function.exit", "probe.hit"):
        assert event not in swept.kdebug.command(f"trace last 5 {event}")


@pytest.mark.long
def test_a_break_in_the_middle_is_served_and_seen(boot: BootFunction) -> None:
    """By single steps, while other cores work; the BREAK of a person is an NMI, and recorded in the real lane."""
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=20000 trace=all tracer=0")
    machine.expect("^init: workload", 60)

    def press() -> None:
        for _ in range(3):
            with machine.at_prompt() as kdebug:
                assert kdebug.reason == "break"

    verdict = sweep(machine, press)
    kdebug = verdict.kdebug
    assert verdict.kind == "#DB" and verdict.alone >= verdict.places and verdict.held == 0
    assert len(re.findall(r"kdebug.enter reason=break", kdebug.command("trace last 100 kdebug.enter"))) >= 3
    assert "check: 0 broken" in kdebug.command("check")
    kdebug.resume()
    assert wait_all_done(machine, 120) == (1, 0)
