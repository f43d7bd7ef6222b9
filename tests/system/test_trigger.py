# SPDX-License-Identifier: MIT
"""Triggers: what happens when an event matches: a mark, the end of recording, a stop in kdebug."""

from __future__ import annotations

import re

from conftest import BootFunction, wait_all_done, wait_memory

from qemu.gdb_client import GdbClient
from qemu.machine import Machine

MICROSECOND = 1e-6


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
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=2000 tracer=0 trigger=stop=400:ipc.reply;"
                   "mark:ipc.receive,more=9,within=1000000000000000;nonsense")
    machine.expect(r"trigger=nonsense: actions are mark", 30)
    assert wait_all_done(machine, 120) == (1, 0)
    with machine.at_prompt() as kdebug:
        newest = kdebug.command("trace last 1 trace.held")
        held = re.search(r"([\d.]+) meta +trace\.held trigger=0 events=(\d+)", newest)
        assert held and 400 <= int(held[2]) < 400 + 2 * 2048 + 200, held  # at most a sub-buffer of each core late
        status = kdebug.command("trace")
        assert re.search(r"^held; on when it goes on: sched irq syscall", status, re.M)
        many = re.search(r"^1: mark ipc.receive more 9 within 1000000000000000 +hits (\d+), counted (\d+)$",
                         kdebug.command("trace trigger"), re.M)
        assert many and 1 <= int(many[1]) == int(many[2]) // 10, many  # none was lost or counted twice by two cores
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
    assert "no process 4000000000" in kdebug.command("trace break ipc.return of 4000000000")
    server = "cpus[0].current->process->object.id"
    asked = kdebug.command(f"print {server}").split()[0]
    kdebug.command(f"trace break ipc.receive of {server} more 2 within 1000000000")  # others receive, too
    kdebug.resume()
    kdebug = machine.wait_prompt(60)
    assert kdebug.reason == "trigger" and kdebug.command(f"print {server}").split()[0] == asked
    number = int(asked, 0)
    assert f"0: kdebug ipc.receive of {number} more 2 within 1000000000" in kdebug.command("trace trigger")
    kdebug.command("trace trigger ipc.receive off")
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


def fault_times(text: str) -> list[float]:
    return [float(line.split()[0]) for line in text.splitlines() if " fault.enter " in line]


def test_more_than_so_many_within_so_long_is_stopped_at(boot: BootFunction) -> None:
    """The one call of slowcall that takes page faults faster than all others do, on the fault that is one too many."""
    machine = boot(cpus=2, icount=4,
                   cmdline="workload=slowcall:calls=200:slow=150:pages=100:each=1 tracer=0 kdebug=wait")
    machine.wait_prompt(60)
    client = GdbClient(machine)
    client.connect()
    refused = client.monitor("trace break fault.enter more 256 within 2000000")
    assert re.search(r"column 29\nerror: expected a number of events, at most 255$", refused, re.M), refused
    refused = client.monitor("trace break fault.enter more 60 within 0")
    assert re.search(r"column 39\nerror: no two events are within 0 ns$", refused, re.M), refused
    assert "from the end" in client.monitor("trace break fault.enter more 60 within 2000000")
    assert "from the end" in client.monitor("trace trigger mark fault.exit more 70 within 2000000 if outcome != failed")
    assert client.ask(b"vCont;c").startswith(b"T05")
    client.ask(b"D")
    client.close()
    kdebug = machine.wait_prompt(60)
    stopped = re.search(r"^kdebug: trigger 0: thread \d+: (fault\.enter .*)\n"
                        r"kdebug: 61 of them in (\d+) ns, more than 60 within 2000000; number (\d+) that matched$",
                        kdebug.banner, re.M)
    assert stopped and int(stopped[2]) <= 2000000, kdebug.banner
    before = kdebug.command("trace last 1000 fault.enter")
    times = fault_times(before)
    assert stopped[1] in before.splitlines()[-1] and int(stopped[3]) == len(times)
    spans = [last - first for first, last in zip(times, times[60:])]
    assert spans[-1] < 2002 * MICROSECOND and min(spans[:-1]) > 1998 * MICROSECOND  # times are shown rounded
    assert len(spans) > 100
    kdebug.resume()
    assert wait_all_done(machine, 120) == (1, 0)
    with machine.at_prompt() as kdebug:
        count = len(fault_times(kdebug.command("trace last 1000 fault.enter")))
        listed = kdebug.command("trace trigger")
    assert f"0: kdebug fault.enter more 60 within 2000000    hits 1, counted {count}" in listed
    assert count > len(times) and re.search(r"^1: mark fault.exit more 70 .*hits 0, counted [1-9]", listed, re.M)
