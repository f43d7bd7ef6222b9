# SPDX-License-Identifier: MIT
"""Probes: values recorded at instructions of one's choice, and nothing of the kernel's work changed by that."""

from __future__ import annotations

import re
from collections.abc import Callable

from conftest import BootFunction, wait_all_done, wait_memory

from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine

HIT = re.compile(r"probe\.hit probe=(\d+) thread=(\d+) a=(\w+) b=(\w+) c=(\w+) d=(\w+)")


def starts(kdebug: KdebugPrompt, function: str, count: int) -> list[int]:
    """Offsets of the first instructions of a function."""
    found = []
    for line in kdebug.command(f"dis {function} {count}").splitlines():
        match = re.search(rf"\b{function}(?:\+(0x[0-9a-f]+|\d+))?\b", line)
        if match:
            found.append(int(match[1] or "0", 0))
    return found


def test_registers_and_what_they_point_to(boot: BootFunction) -> None:
    machine = boot(cpus=1, cmdline="workload=ipcload:calls=50 tracer=0 trace=syscall,ipc "
                   "probe=syscall_dispatch,frame=rdi,rdi:trap_frame.rax,sp=rsp;no_such_function")
    machine.expect(r"probe=no_such_function: no function has this name", 30)
    assert wait_all_done(machine, 120) == (1, 0)
    with machine.at_prompt() as kdebug:
        listed = kdebug.command("probe")
        defined = kdebug.command("trace last 9 probe.define")
        lines = kdebug.command("trace last 400").splitlines()
    assert re.search(r"^ 0: syscall_dispatch frame rax sp    hits \d+$", listed, re.M), listed
    assert "probe=0" in defined and "text=syscall_dispatch frame rax sp" in defined
    hits = [(i, found) for i, line in enumerate(lines) if (found := HIT.search(line))]
    assert len(hits) > 20
    for i, hit in hits:
        following = next((line for line in lines[i + 1:] if "syscall.enter" in line), None)
        if following is not None:
            number = machine_number(following)
            assert number is None or number == int(hit[4], 0), (lines[i], following)
        assert int(hit[5], 0) < int(hit[3], 0)  # the frame lies above rsp
        assert hit[6] == "0x0"


def machine_number(line: str) -> int | None:
    found = re.search(r"number=(\d+)", line)
    return int(found[1]) if found else None


def test_where_there_can_be_none(boot: BootFunction) -> None:
    machine = boot(cpus=1, cmdline="workload=none kdebug=wait")
    kdebug = machine.wait_prompt(20)
    for line, why in [("nothing_such", "no function has this name"),
                      ("syscall_dispatch+99999", "behind the end"),
                      ("syscall_dispatch+2", "in the middle of an instruction"),
                      ("trace_slow_write", "NMI handlers and the debugger itself use"),
                      ("memcpy", "NMI handlers and the debugger itself use"),
                      ("nmi_entry", "in the entry code"),
                      ("rendezvous_run", "recorder, locks and traps rest on"),
                      ("user_copy_present", "assembly"),
                      ("syscall_dispatch xax", "no such register"),
                      ("syscall_dispatch rdi:nothing.rax", "no structure"),
                      ("syscall_dispatch rdi:trap_frame.nothing", "no such member"),
                      ("syscall_dispatch rdi:trap_frame", "expected REGISTER:STRUCT.MEMBER"),
                      ("syscall_dispatch rdi rsi rdx rcx rax", "at most four"),
                      ("off 3", "no such probe")]:
        assert why in kdebug.command(f"probe {line}"), line
    kdebug.command("break syscall_dispatch")
    assert "a breakpoint is there" in kdebug.command("probe syscall_dispatch")
    assert kdebug.command("probe").strip() == ""


def test_instructions_of_all_kinds_do_what_they_did(boot: BootFunction) -> None:
    """Jumps, calls and operands by their distance among them; text is as before when probes are gone."""
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=300 tracer=0 kdebug=wait")
    symbols = machine.symbols
    assert symbols
    kdebug = machine.wait_prompt(20)
    before = machine.read_virtual(symbols.address_of("syscall_dispatch"), 0x200)
    wanted = [("syscall_dispatch", offset) for offset in starts(kdebug, "syscall_dispatch", 40)]
    set_here = 0
    for function, offset in wanted:
        answer = kdebug.command(f"probe {function}+{offset} rsp")
        set_here += "from the end" in answer
        if set_here == 8:
            break
        assert "from the end" in answer or "no probe there" in answer, answer
    assert set_here == 8
    kdebug.resume()
    assert wait_all_done(machine, 120) == (1, 0)
    with machine.at_prompt() as kdebug:
        listed = [int(count) for count in re.findall(r"hits (\d+)$", kdebug.command("probe"), re.M)]
        assert len(listed) == 8 and listed[0] > 100 and listed[0] >= max(listed)
        for number in range(8):
            assert "from the end" in kdebug.command(f"probe off {number}")
    wait_memory(machine, symbols.address_of("syscall_dispatch"), before)


ENTERED_BY_JUMP = b"\xeb\xf9"


def records_of(kdebug: KdebugPrompt) -> list[tuple[str, str, str]]:
    """(core, event, fields) of hits and calls among what was recorded last."""
    line = r"^\s*\S+\s+(cpu\d+)\s.*? (probe\.hit|function\.enter) (.*)$"
    return re.findall(line, kdebug.command("trace last 200"), re.M)


def stop_until(machine: Machine, what: str, holds: Callable[[list[str]], bool], then: str = "") -> None:
    """Stop again and again: what was asked for comes true soon after a stop. Then ask for the next."""
    for _ in range(60):
        with machine.at_prompt() as kdebug:
            seen = [event for _, event, _ in records_of(kdebug)]
            if holds(seen):
                assert not then or "from the end" in kdebug.command(then)
                return
    raise AssertionError(f"not seen: {what}")


def test_an_entry_is_recorded_without_an_exception(boot: BootFunction) -> None:
    """With tracing of the same function that comes and goes, on two cores, while NMIs interrupt both."""
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=1000000 tracer=0 kdebug=wait profile=1000 "
                   "trace=function,probe")
    assert machine.symbols
    entry = machine.symbols.address_of("syscall_dispatch")
    kdebug = machine.wait_prompt(20)
    before = machine.read_virtual(entry, 16)
    assert "from the end" in kdebug.command("probe syscall_dispatch frame=rdi again=rdi r15 rbx")
    kdebug.resume()
    machine.expect("^init: workload", 60)

    def both(seen: list[str]) -> bool:
        return min(seen[-60:].count("probe.hit"), seen[-60:].count("function.enter")) > 25

    def only(event: str) -> Callable[[list[str]], bool]:
        return lambda seen: len(seen) > 20 and set(seen[-20:]) == {event}

    stop_until(machine, "hits", only("probe.hit"), "trace functions on syscall_dispatch")
    stop_until(machine, "hits and calls", both)
    with machine.at_prompt() as kdebug:
        assert machine.read_virtual(entry, 2) == ENTERED_BY_JUMP
        for place in ("syscall_dispatch+1", "syscall_dispatch frame=rdi:trap_frame.rax"):
            assert "no probe there" in kdebug.command(f"probe {place}"), place
        hits = check_pairs(records_of(kdebug))
        assert "from the end" in kdebug.command("probe off 0")
    assert hits > 10
    stop_until(machine, "calls", only("function.enter"), "probe syscall_dispatch frame=rdi")
    stop_until(machine, "hits and calls", both, "trace functions off all")
    stop_until(machine, "hits again", only("probe.hit"), "trace filter probe.hit a == 1")
    for _ in range(60):  # the slow way: none passes
        with machine.at_prompt() as kdebug:
            counts = re.search(r"a == 0x1 +passed 0, refused [1-9]", kdebug.command("trace filter"))
            if counts:
                assert "from the end" in kdebug.command("probe off 0")
                break
    assert counts
    with machine.at_prompt() as kdebug:
        assert "0 broken" in kdebug.command("check")
    wait_memory(machine, entry, before)


def check_pairs(records: list[tuple[str, str, str]]) -> int:
    """On each core a hit, then the call that it is of: the frame that the first value points to lies above it."""
    pairs = 0
    for core in ("cpu0", "cpu1"):
        own = [(event, rest) for where, event, rest in records if where == core]
        while own[1:] and own[1][0] == "probe.hit":  # of the time before the function was traced
            own.pop(0)
        for (event, rest), (following, call) in zip(own, own[1:]):
            assert event != following, (rest, call)
            if event == "probe.hit":
                values = re.search(r"a=(\w+) b=(\w+) c=\w+ d=\w+", rest)
                stack = re.search(r"function=syscall_dispatch\S* stack=(\w+)", call)
                assert values and stack and values[1] == values[2], (rest, call)
                assert 0 < int(values[1], 0) % 2**32 - int(stack[1], 0) < 0x4000, (rest, call)
                pairs += 1
    return pairs
