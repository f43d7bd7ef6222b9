# SPDX-License-Identifier: MIT
"""A program that does what it must not ends alone: the kernel, and every other program, goes on."""

from __future__ import annotations

from conftest import BootFunction, wait_all_done


def test_the_faulter_ends_alone_while_others_work(boot: BootFunction) -> None:
    machine = boot(cpus=4, cmdline="workload=faulter,ipcload,touch")
    passed, failed = wait_all_done(machine, 180)
    assert (passed, failed) == (3, 0)
    with machine.at_prompt() as kdebug:
        assert "init" in kdebug.command("threads")


def test_every_wrong_system_call_is_refused(boot: BootFunction) -> None:
    passed, failed = wait_all_done(boot(cpus=2, cmdline="workload=syscheck"), 180)
    assert (passed, failed) == (1, 0)


def test_a_killed_program_says_nothing_more(boot: BootFunction) -> None:
    """Its children wait when they are killed; one that got out of its wait would complain about the result."""
    machine = boot(cpus=8, cmdline="workload=churn:processes=150:parallel=8")
    assert wait_all_done(machine, 120) == (1, 0)
    assert "churned:" not in machine.serial.text
