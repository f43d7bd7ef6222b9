# SPDX-License-Identifier: MIT
"""
Every way into kdebug on every core in one boot: the header names reason and core, and the machine goes on.

A core that idles is sent astray at the prompt: its registers are set to a place where it traps, panics or hangs, and
set back when it has come in for that. BREAK, the escape byte and a key are core 0's, whatever the others do.
"""

from __future__ import annotations

import hashlib
import re
import time

import pytest
from conftest import REST_SECONDS, BootFunction, wait_all_stopped

from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine

CORES = 4
KEPT = ("rip", "rsp", "rflags", "rbp", "rbx", "r12", "r13", "r14", "r15")  # who calls idle_halt() counts on no other
NOWHERE = 0xffffe00000000000  # no page is there, so that the fault itself cannot be pushed
WATCHDOG_NS = 2000000000
WATCHED = (1, 2)  # 0 and 3: test_kdebug_watchdog


def tell(kdebug: KdebugPrompt, *statements: str) -> str:
    said = kdebug.command(";".join(statements))
    assert "error" not in said, said
    return said


def send_astray(kdebug: KdebugPrompt, cpu: int, **registers: str | int) -> None:
    tell(kdebug, f"cpu {cpu}", "set %rflags=2", *(f"set %{name}={value}" for name, value in registers.items()))
    kdebug.resume()


def keep(machine: Machine, cpu: int) -> KdebugPrompt:
    """At the prompt while the core idles; its registers are kept."""
    while "idle_halt" not in tell(kdebug := machine.break_in(), f"cpu {cpu}", "keep", "print %rip"):
        kdebug.resume()
    return kdebug


def put_back(kdebug: KdebugPrompt, cpu: int) -> None:
    tell(kdebug, f"cpu {cpu}", "back")


def comes_in(machine: Machine, reason: str, cpu: int, *words: str) -> KdebugPrompt:
    kdebug = machine.wait_prompt(60)
    assert (kdebug.reason, kdebug.cpu) == (reason, cpu), kdebug.banner
    said = kdebug.banner + (kdebug.command("bt") if any(word not in kdebug.banner for word in words) else "")
    assert all(word in said for word in words), said
    return kdebug


def check_alive(machine: Machine, word: str) -> None:
    machine.send(f"{word}\r")
    machine.expect(rf"^echo: {word}$", 20)


def goes_on(machine: Machine, kdebug: KdebugPrompt, word: str) -> None:
    kdebug.resume()
    check_alive(machine, word)


# Where a core is sent, why it comes in, and words of its header or backtrace.
ASTRAY: dict[str, tuple[dict[str, str | int], str, list[str]]] = {
    "breakpoint": ({"rip": "do_int3"}, "breakpoint", ["do_int3"]),
    "debug": ({"rip": "kernel_main"}, "breakpoint", ["kernel_main"]),  # a debug register looks at it
    "fault": ({"rip": "do_nullderef"}, "exception", ["page fault", "address 0x10", "do_nullderef"]),
    "double": ({"rip": "eat_stack", "rsp": NOWHERE}, "exception", ["double fault", "eat_stack"]),
    "panic": ({"rip": "do_panic"}, "panic", ["test=panic asked for this", "do_panic"]),
}


def go_astray(machine: Machine, cpu: int) -> None:
    for name, (registers, reason, words) in ASTRAY.items():
        kdebug = keep(machine, cpu)
        send_astray(kdebug, cpu, **registers)
        kdebug = comes_in(machine, reason, cpu, *words)
        put_back(kdebug, cpu)
        goes_on(machine, kdebug, f"{name}{cpu}")


def spin_in_one_place(machine: Machine, cpu: int) -> None:
    """Interrupts off, one instruction that jumps to itself: an NMI gets it, and it stands where QEMU saw it."""
    symbols = machine.symbols
    assert symbols
    start, end = (symbols.address_of(f"kernel_text_{edge}") for edge in ("start", "end"))
    place = start + machine.read_virtual(start, end - start).index(b"\xeb\xfe")
    kdebug = keep(machine, cpu)
    send_astray(kdebug, cpu, rip=place)
    limit = time.monotonic() + REST_SECONDS  # nobody may need an answer of that core: only QEMU is asked
    while (seen := machine.registers()[cpu])["rip"] != place or seen.interrupts_on:
        assert time.monotonic() < limit, seen
    kdebug = machine.break_in()
    wait_all_stopped(kdebug, CORES)
    assert f"{place:#x} " in tell(kdebug, f"cpu {cpu}", "print %rip")
    put_back(kdebug, cpu)
    goes_on(machine, kdebug, "spun")


def hang(machine: Machine, cpu: int) -> None:
    kdebug = keep(machine, cpu)
    tell(kdebug, f"set limit_ns={WATCHDOG_NS}", "set next_look=0")
    send_astray(kdebug, cpu, rip="spin_for_ever")
    kdebug = comes_in(machine, "watchdog", cpu, "spin_for_ever", "has taken no interrupt for 2 s")
    tell(kdebug, f"set limit_ns={100 * WATCHDOG_NS}")
    put_back(kdebug, cpu)
    goes_on(machine, kdebug, f"hang{cpu}")


def call_in(machine: Machine) -> None:
    """The ways of a person at the machine, which are core 0's."""
    for way in ("break", "escape"):
        machine.send_break() if way == "break" else machine.send(b"\x1c")
        goes_on(machine, comes_in(machine, way, 0), way)
    machine.qmp("send-key", {"keys": [{"type": "qcode", "data": key} for key in ("ctrl", "pause")], "hold-time": 1})
    goes_on(machine, comes_in(machine, "break", 0), "key")


def test_every_way_in_on_every_core(boot: BootFunction) -> None:
    machine = boot(cpus=CORES, cmdline="workload=echo:repeat=1 tracer=0 kdebug=wait test=nmi")
    comes_in(machine, "boot", 0, "start_user_space").resume()
    for cpu in range(CORES):
        wait_all_stopped(kdebug := comes_in(machine, "nmi", cpu), CORES)
        kdebug.resume()
    check_alive(machine, "nmi")
    with machine.at_prompt() as kdebug:  # not before: their beat, an NMI of core 0, explains others that come there
        for start in (f"kd_watchdog_start {100 * WATCHDOG_NS // 10**9}", "kd_keyboard_listen"):
            assert "0x0 = 0" in kdebug.command(f"call {start}")
        tell(kdebug, "break hw kernel_main")
        for name, assignment in (("keep", "set ${0}=%{0}"), ("back", "set %{0}=${0}")):
            tell(kdebug, f"macro {name} '" + "; ".join(assignment.format(register) for register in KEPT) + "'")
    call_in(machine)
    for cpu in range(CORES):
        go_astray(machine, cpu)
    spin_in_one_place(machine, CORES - 1)
    for cpu in WATCHED:
        hang(machine, cpu)


PASSPHRASE, ROUNDS, SALT = "once upon a time", 1000, b"0123456789abcdef"
ASKED = re.compile(r"^kdebug passphrase: \Z", re.MULTILINE)


def passphrase_option() -> str:
    key = hashlib.pbkdf2_hmac("sha256", PASSPHRASE.encode(), SALT, ROUNDS)
    return f"kdebug_passphrase={ROUNDS}:{SALT.hex()}:{key.hex()}"


def break_in_until_asked(machine: Machine) -> None:
    """A wrong one shuts the door for a while."""
    limit, mark = time.monotonic() + REST_SECONDS, machine.serial.mark()
    while "kdebug passphrase: " not in machine.serial.text_since(mark):
        assert time.monotonic() < limit
        machine.send_break()
        time.sleep(0.1)
    machine.expect(ASKED, 20, fatal=None)


def test_a_passphrase_before_the_prompt(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline=f"workload=echo:repeat=1 tracer=0 {passphrase_option()}")
    machine.expect("echo: ready", 60)
    break_in_until_asked(machine)
    mark = machine.serial.mark()
    machine.send("+$qSupported:multiprocess+#c6")  # gdb, who gets no answer
    machine.send("\x15continue; threads\r")
    machine.expect(r"kdebug: wrong; the machine goes on, nobody comes in for 1 s$", 20, fatal=None)
    machine.expect(r"^kdebug: resume$", 20, fatal=None)
    assert "$" not in machine.serial.text_since(mark) and "threads" not in machine.serial.text_since(mark)
    break_in_until_asked(machine)
    machine.send("\r")  # nothing to say
    machine.expect(r"^kdebug: resume$", 20, fatal=None)
    check_alive(machine, "nothing")
    break_in_until_asked(machine)
    machine.send(f"x\x7f{PASSPHRASE}\r")
    machine.expect(r"^kdebug: unlocked$", 20, fatal=None)
    kdebug = machine.wait_prompt()
    assert "42" in kdebug.command("print 42")
    kdebug.resume()
    with machine.at_prompt() as kdebug:  # it holds
        tell(kdebug, "set pager 0", "set wrong=3", "break idle_once once")
    kdebug = machine.wait_prompt()
    machine.send(f"move {1 - kdebug.cpu}\r")
    assert f"kdebug: prompt of cpu {1 - kdebug.cpu}\n" in machine.wait_prompt().banner
    machine.send("lock\r")
    machine.expect(ASKED, 20, fatal=None)
    machine.send("threads\r")  # that core knows of no breakpoint, yet the machine can go on
    machine.expect(r"kdebug: wrong; the machine goes on, nobody comes in for 8 s$", 20, fatal=None)
    machine.expect(r"^kdebug: resume$", 20, fatal=None)
    machine.send_break()
    check_alive(machine, "shut")
    break_in_until_asked(machine)
    machine.send(f"{PASSPHRASE}\r")
    machine.expect(r"^kdebug: unlocked$", 20, fatal=None)
    machine.wait_prompt().resume()
    assert PASSPHRASE not in machine.serial.text


def unlock(machine: Machine) -> KdebugPrompt:
    machine.expect(ASKED, 60, fatal=None)
    machine.send(f"{PASSPHRASE}\r")
    return machine.wait_prompt()


def test_a_passphrase_after_a_panic(boot: BootFunction) -> None:
    """Nothing can go on: the cores stay as they were captured, however often somebody is wrong."""
    machine = boot(cpus=2, cmdline=f"workload=none test=panic {passphrase_option()}")
    for seconds in (1, 2):
        machine.expect(ASKED, 60, fatal=None)
        machine.send("bt\r")
        machine.expect(rf"kdebug: wrong; again in {seconds} s$", 20, fatal=None)
    kdebug = unlock(machine)
    assert "do_panic" in kdebug.command("bt")
    wait_all_stopped(kdebug, 2)


@pytest.mark.long
def test_what_a_boot_died_of_is_told_after_a_reset(boot: BootFunction) -> None:
    machine = boot(cpus=2, memory="512M", reboot=True, cmdline="workload=none test=panic")
    died = re.search(r" boot=(\w+)", machine.wait_prompt(60).banner)
    machine.send("reboot\r")
    machine.wait_reset(60)
    kdebug = machine.wait_prompt(120)
    assert died and f"boot {died[1]}" in kdebug.command("trace previous")
    assert died[1] not in kdebug.command("trace")
    assert "test=panic asked for this" in kdebug.command("log previous 20")
