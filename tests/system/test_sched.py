# SPDX-License-Identifier: MIT
"""What the scheduler promises, checked by the program sched; the counters of kdebug; the events."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import BootFunction, wait_all_done

from spoorlib import tracetool
from spoorlib.workload import wait_capture


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_shares_and_bounds_are_exact_in_virtual_time(boot: BootFunction, cpus: int) -> None:
    """With -icount no host disturbs: equal shares within 5 %, and the bound of aging."""
    machine = boot(cpus=cpus, icount=4, cmdline="workload=sched:alone=1 trace=none tracer=0")
    assert wait_all_done(machine, 180) == (1, 0)


def test_every_promise_on_four_cores_at_once(boot: BootFunction) -> None:
    """While cores really run at once. A busy host may stop one for a second, so bounds of time are wide."""
    machine = boot(cpus=4, cmdline="workload=sched:patience=20 trace=none tracer=0")
    assert wait_all_done(machine, 180) == (1, 0)
    with machine.at_prompt() as kdebug:
        text = kdebug.command("runq")
        counters = re.findall(r"stole (\d+) threads, gave (\d+) away, aged (\d+), kicked (\d+) times", text)
        assert len(counters) == 4
        moved = sum(int(stolen) + int(given) for stolen, given, _, _ in counters)
        assert moved >= 3, "hogs that began on one core are on four now"
        assert sum(int(aged) for _, _, aged, _ in counters) > 0
        assert "check: 0 broken" in kdebug.command("check sched process")


def test_interrupts_between_cores_are_sent_where_they_change_what_runs(boot: BootFunction, tmp_path: Path) -> None:
    """One for each thread woken that is more urgent than what its core runs, none for others."""
    capture = tmp_path / "kicks.spoor"
    machine = boot(cpus=2, capture=capture, cmdline="workload=sched:only=kicks trace=irq,user")
    assert wait_all_done(machine, 120) == (1, 0)
    wait_capture(machine)
    dump = tracetool.output("dump", "--filter", "user.mark,irq.ipi", "--filter", "thread=waker", str(capture))
    sent = {}
    for priority in (18, 20, 22):
        begin, end = (rf"user\.mark id={mark} value={priority}\b" for mark in (100, 101))
        part = re.search(f"{begin}(.*?){end}", dump, re.DOTALL)
        assert part, dump
        sent[priority] = part[1].count("irq.ipi kind=reschedule target=1")
    assert sent == {18: 0, 20: 0, 22: 8}


def test_a_spread_beside_other_programs_takes_longer_and_is_no_failure(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=sched:only=spread,hog:threads=2:steps=20000000 trace=none tracer=0")
    assert wait_all_done(machine, 120) == (2, 0)


@pytest.mark.parametrize(("cpus", "options"), [(1, ":exact=1"), (2, "")])
def test_user_and_kernel_time_are_told_apart_exactly(boot: BootFunction, cpus: int, options: str) -> None:
    """
    And only while somebody asks. In the virtual time of one core the shares of each kind of work are known, too; of
    several cores, each one's clock goes on while another one executes.
    """
    machine = boot(cpus=cpus, icount=4, cmdline=f"workload=times{options} trace=none tracer=0")
    assert wait_all_done(machine, 180) == (1, 0), machine.serial.text[-2000:]


def test_times_are_counted_on_four_cores_and_shown_by_kdebug(boot: BootFunction) -> None:
    machine = boot(cpus=4, cmdline="workload=times trace=none tracer=0")
    assert wait_all_done(machine, 120) == (1, 0)
    row = r"^ +\d+ +{} +{} +\d+  init +main$"
    with machine.at_prompt() as kdebug:
        text = kdebug.command("times")
        assert "user and kernel time are not counted" in text
        assert re.search(row.format("-", "-"), text, re.MULTILINE), text
        assert kdebug.command("times on").strip() == "counting begins after the stop"
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=300 times=1 trace=none tracer=0")
    assert wait_all_done(machine, 120) == (1, 0)
    with machine.at_prompt() as kdebug:
        assert re.search(row.format(r"[1-9]\d*", r"[1-9]\d*"), kdebug.command("times"), re.MULTILINE)
