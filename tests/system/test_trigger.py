# SPDX-License-Identifier: MIT
"""Triggers: what happens when an event matches: a mark, the end of recording, a stop in kdebug."""

from __future__ import annotations

import re

from conftest import BootFunction, wait_all_done, wait_memory

from qemu.machine import Machine


def last(machine: Machine, selection: str) -> list[str]:
    with machine.at_prompt() as kdebug:
        return kdebug.command(f"trace last {selection}").splitlines()


def test_a_mark_lies_right_behind_the_record_that_set_it_off(boot: BootFunction) -> None:
    machine = boot(cpus=1, cmdline="workload=ipcload:calls=300 tracer=0 trace=sched,irq,trace "
                   "trigger=mark:sched.thread.switch,state=reply,next!=0")
    assert wait_all_done(machine, 120) == (1, 0)
    lines = [line.split(maxsplit=3) for line in last(machine, "1000 cpu 0") if " meta " not in line]
    events = [line[3] for line in lines if not line[2].endswith("!")]
    marks = [i for i, event in enumerate(events) if event.startswith("trace.trigger")]
    switches = [i for i, event in enumerate(events) if event.startswith("sched.thread.switch state=reply")
                and " next=0 " not in event]
    assert len(marks) > 3 and [mark - 1 for mark in marks if mark > 0] == switches
    hits = [int(match[1]) for mark in marks if (match := re.search(r" hits=(\d+)", events[mark]))]
    assert hits == list(range(hits[0], hits[0] + len(marks)))
    assert all("action=mark" in events[mark] for mark in marks)


def test_recording_ends_after_so_many_events_and_goes_on_when_told_to(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=2000 tracer=0 trigger=stop=400:ipc.reply;nonsense")
    machine.expect(r"trigger=nonsense: actions are mark", 30)
    assert wait_all_done(machine, 120) == (1, 0)
    with machine.at_prompt() as kdebug:
        newest = kdebug.command("trace last 1 trace.held")
        held = re.search(r"([\d.]+) meta +trace\.held trigger=0 events=(\d+)", newest)
        assert held and 400 <= int(held[2]) < 400 + 2 * 2048 + 200, held  # at most a sub-buffer of each core late
        status = kdebug.command("trace")
        assert re.search(r"^held; on when it goes on: sched irq syscall", status, re.M)
        newest = kdebug.command("trace last 1 ipc.return").split()[0]
        assert float(newest) <= float(held[1])
        assert "on after the stop" in kdebug.command("trace on")
    assert machine.symbols
    wait_memory(machine, machine.symbols.address_of("trace_is_held"), b"\0")
    with machine.at_prompt() as kdebug:
        assert re.search(r"^on: sched irq syscall", kdebug.command("trace"), re.M)
    # An idle machine need not take an interrupt by then, but there was this stop.
    assert float(last(machine, "1 kdebug.enter")[0].split()[0]) > float(held[1])


def test_an_event_that_matches_enters_kdebug_by_name(boot: BootFunction) -> None:
    machine = boot(cpus=1, cmdline="workload=ipcload:calls=40 tracer=0 kdebug=wait")
    kdebug = machine.wait_prompt(20)
    assert "no such field" in kdebug.command("trace break ipc.call nothing later 5 after ipc.return call")
    assert "expected 'within'" in kdebug.command("trace break ipc.call call without ipc.return call 5")
    assert "are the same" in kdebug.command("trace break ipc.call call without ipc.call call within 5")
    kdebug.command("trace break life.lease.end")
    kdebug.command("trace trigger life.lease.end off")
    assert "from the end" in kdebug.command("trace break ipc.reply if flags == 0")
    kdebug.resume()
    kdebug = machine.wait_prompt(60)
    assert kdebug.reason == "trigger"
    stopped = re.search(r"^kdebug: trigger 0: thread (\d+): (ipc\.reply .*)$", kdebug.banner, re.M)
    assert stopped, kdebug.banner
    assert stopped[2].rstrip() in kdebug.command("trace last 4 ipc.reply")  # it has been written
    assert "ipc_reply" in kdebug.command("bt") or "mailbox" in kdebug.command("bt")
    listed = kdebug.command("trace trigger")
    assert re.search(r"^0: kdebug ipc.reply if flags == 0x0 +hits \d", listed, re.M), listed
    kdebug.command("trace trigger ipc.reply off")
    kdebug.resume()
    assert wait_all_done(machine, 120) == (1, 0)


def test_a_reply_that_comes_late_is_stopped_at(boot: BootFunction) -> None:
    """The one call of slowcall that takes page faults, and no other."""
    machine = boot(cpus=1, icount=4, cmdline="workload=slowcall:pages=256 tracer=0 kdebug=wait")
    kdebug = machine.wait_prompt(60)
    kdebug.command("trace break ipc.return call later 200000 after ipc.call call")
    kdebug.resume()
    kdebug = machine.wait_prompt(120)
    assert kdebug.reason == "trigger"
    late = re.search(r"^kdebug: trigger 0: thread \d+: ipc\.return .*\n"
                     r"kdebug: (\d+) ns after ipc\.call, more than 200000$", kdebug.banner, re.M)
    assert late and int(late[1]) > 200000, kdebug.banner
    assert "ipc.return call later 200000 after ipc.call call    hits 1, left out 0" in kdebug.command("trace trigger")


def test_what_does_not_come_is_noticed(boot: BootFunction) -> None:
    """slowcall again: its call has not returned when it should have, and nobody waits for it to end."""
    machine = boot(cpus=1, icount=4, cmdline="workload=slowcall:pages=256 tracer=0 kdebug=wait")
    kdebug = machine.wait_prompt(60)
    kdebug.command("trace break ipc.call call without ipc.return call within 200000")
    kdebug.resume()
    kdebug = machine.wait_prompt(120)
    assert kdebug.reason == "trigger"
    missing = re.search(r"^kdebug: trigger 0: thread \d+: ipc\.call .* call=(\w+) .*\n"
                        r"kdebug: and no ipc\.return since, for (\d+) ns$", kdebug.banner, re.M)
    assert missing and int(missing[2]) > 200000, kdebug.banner
