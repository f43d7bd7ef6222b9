# SPDX-License-Identifier: MIT
"""Run control on the live machine: breakpoints, watchpoints, steps, calls; and that nothing of them stays behind."""

from __future__ import annotations

import re

import pytest
from conftest import BootFunction, wait_all_done

from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine

CALLS = 15
LOAD = f"ipcload:calls={CALLS}"


@pytest.fixture
def waiting(boot: BootFunction) -> Machine:
    """All cores run, nothing of user space has begun; the prompt has come."""
    return boot(cpus=4, cmdline=f"workload={LOAD} kdebug=wait")


def hits(kdebug: KdebugPrompt, number: int) -> int:
    match = re.search(rf"^ *{number}  \w+ +\w+ +(\d+)  ", kdebug.command("breakpoints"), re.MULTILINE)
    assert match, kdebug.command("breakpoints")
    return int(match.group(1))


def test_sixty_four_breakpoints_count_and_leave_no_trace(waiting: Machine) -> None:
    symbols = waiting.symbols
    assert symbols
    kdebug = waiting.wait_prompt(20)
    places = [symbols.address_of("sys_mailbox_call"), symbols.address_of("sys_mailbox_receive")]
    before = waiting.read_virtual(symbols.address_of("kernel_text_start"), 0x4000)
    assert "breakpoint 1 at sys_mailbox_call" in kdebug.command('break sys_mailbox_call do "continue"')
    assert "breakpoint 2 at" in kdebug.command('break sys_mailbox_receive if %rdi == 0xffffffff do "continue"')
    for number in range(3, 65):
        assert f"breakpoint {number} at" in kdebug.command(f"break kernel_main+{number}")
    kdebug.command("delete 64")
    for number in range(3, 64):
        kdebug.command(f"disable {number}")
    kdebug.resume()
    assert wait_all_done(waiting, 300) == (1, 0)
    with waiting.at_prompt() as after:
        assert hits(after, 1) >= CALLS  # every call of ipcload, and those of init
        assert hits(after, 2) == 0
        after.command("delete all")
        assert len(after.command("breakpoints").splitlines()) == 0
        for place in places:
            assert waiting.read_virtual(place, 1) != b"\xcc"
        assert waiting.read_virtual(symbols.address_of("kernel_text_start"), 0x4000) == before


def test_a_condition_a_thread_and_once(waiting: Machine) -> None:
    kdebug = waiting.wait_prompt(20)
    kdebug.command("break sys_mailbox_call after 20 once")
    kdebug.resume()
    stopped = waiting.wait_prompt(20)
    assert stopped.reason == "breakpoint" and re.search(r"1: breakpoint sys_mailbox_call, hit 21, thread \d+",
                                                        stopped.banner), stopped.banner
    assert stopped.command("bt").splitlines()[1].endswith("sys_mailbox_call")
    assert len(stopped.command("breakpoints").splitlines()) == 0  # once
    # out: back in the dispatcher, with the stack one return address shorter
    rsp = int(stopped.command("print /x %rsp"), 16)
    stopped.command("set $caller = *%rsp")
    stopped = run(waiting, stopped, "until *%rsp")
    assert "step at " in stopped.banner
    assert int(stopped.command("print /x %rip - $caller"), 16) == 0
    assert int(stopped.command("print /x %rsp"), 16) == rsp + 8
    stopped.resume()
    assert wait_all_done(waiting, 120) == (1, 0)


def test_several_cores_at_one_breakpoint(boot: BootFunction) -> None:
    """One is told of. The others come in after it, or, once it is deleted, not at all."""
    machine = boot(cpus=4, cmdline="workload=ipcload:calls=1000000:clients=8:servers=4 kdebug=wait")
    kdebug = machine.wait_prompt(20)
    at_once = 0
    for _ in range(100):
        kdebug.command("break syscall_dispatch")
        kdebug.resume()
        stopped = machine.wait_prompt(20)
        assert "1: breakpoint syscall_dispatch" in stopped.banner, stopped.banner
        at_once += sum("kdebug_trap" in stopped.command(f"bt cpu {cpu}") for cpu in range(4)
                       if f"cpu={cpu} " not in stopped.banner)
        stopped.command("delete all")
        stopped.resume()
        kdebug = machine.break_in()
        assert kdebug.reason == "break", kdebug.banner
        if at_once >= 3:
            break
    assert at_once > 0


def run(machine: Machine, kdebug: KdebugPrompt, line: str) -> KdebugPrompt:
    """A command that lets the machine go and comes back."""
    machine.send(line + "\r")
    return machine.wait_prompt(20)


def test_steps_follow_the_code(waiting: Machine) -> None:
    kdebug = waiting.wait_prompt(20)
    # Not the first system call there is: it stops all cores, and would wait for those that a step holds.
    kdebug.command("break sys_mailbox_create once")
    kdebug.resume()
    kdebug = waiting.wait_prompt(20)
    places = [int(kdebug.command("print /x %rip"), 16)]
    for _ in range(10):
        kdebug = run(waiting, kdebug, "step")
        assert kdebug.reason == "breakpoint" and "step at" in kdebug.banner
        places.append(int(kdebug.command("print /x %rip"), 16))
    assert len(set(places)) == len(places), [hex(place) for place in places]
    kdebug = run(waiting, kdebug, "step 500")  # through the way back to user mode, perhaps
    assert "step at" in kdebug.banner
    kdebug.command("break thread_create once")  # it waits for nobody, so each call that is stepped over comes back
    kdebug.resume()
    kdebug = waiting.wait_prompt(20)
    depth = len(kdebug.command("bt").splitlines())
    for _ in range(40):
        kdebug = run(waiting, kdebug, "next")
        now = kdebug.command("bt")
        if "thread_create" not in now.splitlines()[1]:
            break
        assert len(now.splitlines()) == depth, now  # never inside of a called function
    kdebug.resume()
    assert wait_all_done(waiting, 120) == (1, 0)


def test_watchpoints_and_ports(waiting: Machine) -> None:
    kdebug = waiting.wait_prompt(20)
    count = int(kdebug.command("print /d thread_slot_count"))
    assert "breakpoint 1 at thread_slot_count" in kdebug.command("watch thread_slot_count once")
    kdebug.resume()
    stopped = waiting.wait_prompt(20)
    assert "1: write to thread_slot_count at " in stopped.banner, stopped.banner
    assert int(stopped.command("print /d thread_slot_count")) == count + 1
    assert "breakpoint 1 at" in stopped.command("watch io 0x3f8 once")
    stopped.resume()
    stopped = waiting.wait_prompt(20)
    assert "1: port access to 0x3f8 at " in stopped.banner, stopped.banner
    stopped.resume()
    assert wait_all_done(waiting, 120) == (1, 0)


def test_what_is_refused_says_why(waiting: Machine) -> None:
    kdebug = waiting.wait_prompt(20)
    assert "in the entry code" in kdebug.command("break entry_text_start")
    assert "NMI handlers and the debugger" in kdebug.command("break kdebug_trap")
    assert "NMI handlers and the debugger" in kdebug.command("break memcpy")
    assert "not in the kernel's text" in kdebug.command("break 0x401000")
    assert "0x1 = 1" in kdebug.command("call frame_is_ram 0x100000")
    assert "fault in the debugger" in kdebug.command("call strlen 0")
    assert "42" in kdebug.command("print 42")
    kdebug.command("set $old = %rax")
    kdebug.command("set %rax = 0x1234")
    assert "0x1234" in kdebug.command("print %rax")
    kdebug.command("set %rax = $old")
    kdebug.resume()
    assert wait_all_done(waiting, 120) == (1, 0)
