# SPDX-License-Identifier: MIT
"""The interruption sweep: each emitter, interrupted at each of its instructions."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from conftest import BootFunction, wait_all_done

from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine

VERDICT = re.compile(r"selftest trace: passed: (\d+) events, (\d+) places between instructions, "
                     r"(\d+) interrupted alone, by (#DB|NMI)")
SWEEP_SECONDS = 240


def sweep(machine: Machine, meanwhile: Callable[[], None] | None = None) -> tuple[KdebugPrompt, int, int, int, str]:
    """Run it; the machine is at the prompt afterwards."""
    machine.break_in()
    machine.send(b"selftest trace\r")
    machine.expect("kdebug: resume", 60)
    if meanwhile is not None:
        meanwhile()
    kdebug = machine.wait_prompt(SWEEP_SECONDS)
    found = VERDICT.search(kdebug.banner)
    assert found and kdebug.reason == "request", kdebug.banner
    return kdebug, int(found[1]), int(found[2]), int(found[3]), found[4]


def test_no_interruption_harms_a_record(boot: BootFunction) -> None:
    """By NMIs: with -icount the timer counts instructions."""
    machine = boot(cpus=1, icount=4, cmdline="workload=none trace=all tracer=0")
    wait_all_done(machine)
    kdebug, events, places, alone, kind = sweep(machine)
    ids = kdebug.command("trace events")
    own = [line for line in ids.splitlines() if re.match(r" *\w+ +\d+ ", line)]
    assert kind == "NMI" and events > 50 and places > 200 * events and alone >= places, (own, kdebug.banner)
    recorded = kdebug.command("trace last 3 kdebug.selftest")
    assert re.search(rf"kdebug.selftest wrong=0 events={events} boundaries={places} interrupted={alone}", recorded)
    assert "check: 0 broken" in kdebug.command("check")
    kdebug.resume()


@pytest.mark.long
def test_a_break_in_the_middle_is_served_and_seen(boot: BootFunction) -> None:
    """By single steps, while other cores work; the BREAK of a person is an NMI, and recorded in the real lane."""
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=20000 trace=all tracer=0")
    machine.expect("^init: workload", 60)

    def press() -> None:
        for _ in range(3):
            with machine.at_prompt() as kdebug:
                assert kdebug.reason == "break"

    kdebug, _, places, alone, kind = sweep(machine, press)
    assert kind == "#DB" and alone >= places
    assert len(re.findall(r"kdebug.enter reason=break", kdebug.command("trace last 100 kdebug.enter"))) >= 3
    assert "check: 0 broken" in kdebug.command("check")
    kdebug.resume()
    assert wait_all_done(machine, 120) == (1, 0)
