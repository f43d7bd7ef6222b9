# SPDX-License-Identifier: MIT
"""The watchdog: a core that takes no interrupt comes to the prompt by itself, whichever it is, and nobody else does."""

from __future__ import annotations

import re

import pytest
from conftest import BootFunction, wait_all_done, wait_all_stopped, wait_for_rest

SECONDS = 2


def test_all_cores_hang(boot: BootFunction) -> None:
    """The beat is an NMI. Let go, they still hang, and have the whole limit again."""
    machine = boot(cpus=4, cmdline=f"workload=none test=spin_cli watchdog={SECONDS}")
    for _ in range(2):
        kdebug = machine.wait_prompt(120)
        assert kdebug.reason == "watchdog" and "cpu=0 " in kdebug.banner, kdebug.banner
        assert f"cpu 0 has taken no interrupt for {SECONDS} s" in kdebug.banner, kdebug.banner
        assert re.search(r"^kdebug: spin_for_ever", kdebug.banner, re.MULTILINE), kdebug.banner
        wait_all_stopped(kdebug, 4)
        kdebug.resume()


@pytest.mark.parametrize("cpu", [3])
def test_one_core_hangs_and_is_helped(boot: BootFunction, cpu: int) -> None:
    """It enters itself: its place is what the prompt shows. Put back on its way it answers, and all is well."""
    machine = boot(cpus=4, cmdline=f"workload=none watchdog={SECONDS} tracer=0")
    assert wait_all_done(machine) == (0, 0)
    wait_for_rest(machine)  # else another core may wait for this one, with interrupts off: it hangs, too
    kdebug = machine.break_in()
    while "idle_halt" not in kdebug.command(f"bt cpu {cpu}"):  # an interrupt may have come
        kdebug.resume()
        kdebug = machine.break_in()
    kdebug.command(f"cpu {cpu}")
    for line in ("set $rip = %rip", "set $rflags = %rflags", "set %rip = spin_for_ever", "set %rflags = 2"):
        assert "error" not in kdebug.command(line)
    kdebug.resume()
    kdebug = machine.wait_prompt(120)
    assert kdebug.reason == "watchdog" and f"cpu={cpu} " in kdebug.banner, kdebug.banner
    assert "spin_for_ever" in kdebug.command("bt") and "spin_for_ever" in kdebug.banner
    for line in ("set %rip = $rip", "set %rflags = $rflags"):
        assert "error" not in kdebug.command(line)
    kdebug.resume()
    with machine.at_prompt() as kdebug:
        assert kdebug.reason == "break" and "idle" in kdebug.command(f"bt cpu {cpu}")


def test_nobody_hangs(boot: BootFunction) -> None:
    """Load on all cores, a thread that never leaves user mode, stops at the prompt: no reason to bark."""
    machine = boot(cpus=4, cmdline="workload=hog:steps=800000000 watchdog=3")
    machine.expect(r"^tracer: capturing", 60)
    with machine.at_prompt() as kdebug:
        assert kdebug.reason == "break", kdebug.banner
    assert wait_all_done(machine, 120) == (1, 0)
