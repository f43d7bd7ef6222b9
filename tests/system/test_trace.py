# SPDX-License-Identifier: MIT
"""The recorder in the running system: filters."""

from __future__ import annotations

import re

from conftest import BootFunction, wait_all_done

SWITCH = re.compile(r"sched\.thread\.switch state=(\w+) .*next=(\d+)")


def test_a_filter_keeps_what_matches_and_nothing_else(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=2000 tracer=0")
    machine.expect("^init: workload", 60)
    with machine.at_prompt() as kdebug:
        answer = kdebug.command("trace filter sched.thread.switch next == 0 and state == receive or state == dead")
        assert "from the end of the stop" in answer
    assert wait_all_done(machine, 120) == (1, 0)
    with machine.at_prompt() as kdebug:
        events = kdebug.command("trace last 1000 sched.thread.switch")
        switched = kdebug.command("trace last 1 trace.switched")
        listed = kdebug.command("trace filter")
    # trace.switched marks where the filter began to hold.
    began = float(switched.split()[0])
    after = [found.groups() for line in events.splitlines() if float(line.split()[0]) > began
             and (found := SWITCH.search(line))]
    assert len(after) > 10
    assert all(state == "dead" or (state == "receive" and thread == "0") for state, thread in after), after
    counts = re.search(r"next == 0 and state == receive or state == dead +passed (\d+), refused (\d+)", listed)
    assert counts and int(counts[1]) >= len(after) and int(counts[2]) > 0, listed


def test_a_filter_that_makes_no_sense_is_refused(boot: BootFunction) -> None:
    machine = boot(cpus=1, cmdline="workload=none")
    wait_all_done(machine)
    with machine.at_prompt() as kdebug:
        for line, message in [("no.such.event a == 1", "no such event"), ("irq.enter line == 1", "no such field"),
                              ("irq.enter vector = 1", "expected =="), ("irq.enter vector == 999", "does not fit"),
                              ("irq.enter vector == 1 nor", "expected 'and' or 'or'"),
                              ("life.thread.exit thread == 1", "meta lane")]:
            assert message in kdebug.command(f"trace filter {line}"), line
        assert "passed" not in kdebug.command("trace filter")
