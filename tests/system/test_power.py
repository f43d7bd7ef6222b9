# SPDX-License-Identifier: MIT
"""Switching off and starting again."""

from __future__ import annotations

import pytest
from conftest import BootFunction, wait_all_done

from qemu.machine import Machine


@pytest.fixture
def machine(at_ready: BootFunction) -> Machine:
    return at_ready(r"init: all done", cpus=4, cmdline="workload=none")


def test_kdebug_powers_off(machine: Machine) -> None:
    machine.break_in()
    machine.send("poweroff\r")
    assert machine.wait_exit(20) == "guest-shutdown"


def test_kdebug_reboots(machine: Machine) -> None:
    machine.break_in()
    machine.send("reboot\r")
    assert machine.wait_exit(20) == "guest-reset"


def test_a_program_powers_off(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=none poweroff")
    wait_all_done(machine)
    assert machine.wait_exit(20) == "guest-shutdown"


def test_a_reboot_boots_again(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=none", reboot=True)
    wait_all_done(machine)
    machine.break_in()
    machine.send("reboot\r")
    assert wait_all_done(machine) == (0, 0)
    with machine.at_prompt() as kdebug:
        assert kdebug.reason == "break"
