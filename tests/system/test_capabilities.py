# SPDX-License-Identifier: MIT
"""Handles, quotas, objects: what programs take comes back, whatever they did and however they ended."""

from __future__ import annotations

import re

from conftest import TRACE_ENDED, BootFunction, count_objects, wait_all_done, wait_for_rest

from qemu.machine import Machine


def objects_after(machine: Machine) -> dict[str, int]:
    """What exists once all programs have ended, with every invariant of handles and processes checked."""
    wait_all_done(machine, 180)
    machine.expect(TRACE_ENDED, 60)
    wait_for_rest(machine)
    with machine.at_prompt() as kdebug:
        assert "check: 0 broken" in kdebug.command("check process object")
        return count_objects(kdebug)


def test_loops_of_processes_end_with_the_objects_they_began_with(boot: BootFunction) -> None:
    few = objects_after(boot(cpus=2, cmdline="workload=churn:processes=4"))
    workload = "churn:processes=60:parallel=6,ipcload:calls=300,syscheck,faulter"
    many = objects_after(boot(cpus=2, cmdline=f"workload={workload}"))
    assert few == many


def test_what_was_lent_is_refused_on_all_cores_at_once(boot: BootFunction) -> None:
    machine = boot(cpus=4, cmdline="workload=revoke:rounds=30")
    assert wait_all_done(machine, 120) == (1, 0), machine.serial.text[-2000:]
    with machine.at_prompt() as kdebug:
        assert "check: 0 broken" in kdebug.command("check process object")


def test_quotas_and_rights_are_shown_by_name(idle_machine: Machine) -> None:
    with idle_machine.at_prompt() as kdebug:
        init = re.search(r"^ +(\d+) .* init$", kdebug.command("processes"), re.MULTILINE)
        assert init
        assert re.search(r"account 0x\w+, shared by \d+: handles \d+, threads \d+, memory pages \d+, pinned pages \d+",
                         kdebug.command(f"process {init[1]}"))
        assert re.search(r"console \d+ +0 +- +all$", kdebug.command(f"handles {init[1]}"), re.MULTILINE)
