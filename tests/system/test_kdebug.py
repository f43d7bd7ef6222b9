# SPDX-License-Identifier: MIT
"""kdebug on the live machine: every way in, what it says compared with what QEMU sees, and that the machine goes on."""

from __future__ import annotations

import re
import time

import pytest
from conftest import REST_SECONDS, BootFunction, wait_all_done

from qemu import paths
from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine

OUTPUT_BREAK_INS = 60
BREAK_INS = 200
REGISTERS_COMPARED = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13",
                      "r14", "r15", "rip", "cr0", "cr3", "cr4")

# ---- ways in ----


@pytest.fixture
def idle(at_ready: BootFunction) -> Machine:
    return at_ready(r"init: all done", cpus=4, cmdline="workload=none tracer=0")


@pytest.mark.parametrize("way", ["break", "escape", "nmi"])
def test_breaks_in_and_goes_on(idle: Machine, way: str) -> None:
    # An NMI that comes within a moment of the end of a stop counts as its echo (kdebug/core/stop.c): once is enough.
    for _ in range(1 if way == "nmi" else 3):
        with idle.at_prompt(by=way) as kdebug:
            assert kdebug.reason == way
            assert kdebug.command("cpus").count("stopped") == 4


def test_breaks_in_while_every_core_spins_with_interrupts_off(boot: BootFunction) -> None:
    machine = boot(cpus=4, cmdline="workload=none test=spin_cli")
    machine.expect(r"test: spin_cli", 60)
    # The line is logged before the cores are caught: wait for what it announces.
    wait_until_interrupts_are_off(machine)
    kdebug = machine.break_in()
    assert kdebug.reason == "break"
    cpus = kdebug.command("cpus")
    assert cpus.count("stopped") == 4 and cpus.count("(IF=0)") == 4, cpus
    assert "spin_for_ever" in kdebug.command("bt all")


def wait_until_interrupts_are_off(machine: Machine, attempts: int = 400) -> None:
    for _ in range(attempts):
        if all(not core.interrupts_on and not core.halted for core in machine.registers()):
            return
    raise AssertionError("\n".join(core.describe(machine.symbols) for core in machine.registers()))


def test_a_panic_stops_with_its_message_and_backtrace(boot: BootFunction) -> None:
    machine = boot(cpus=4, cmdline="workload=none test=panic")
    kdebug = machine.wait_prompt(60)
    assert kdebug.reason == "panic" and "test=panic asked for this" in kdebug.banner
    assert "do_panic" in kdebug.command("bt")
    assert kdebug.command("cpus").count("stopped") == 4


def test_a_failed_check_stops_with_its_condition_and_place(boot: BootFunction) -> None:
    kdebug = boot(cpus=2, cmdline="workload=none test=assert").wait_prompt(60)
    assert kdebug.reason == "panic" and re.search(r"VERIFY\(two == 3\) failed, selftest\.c:\d+", kdebug.banner)


def test_a_breakpoint_in_the_kernel_stops_and_goes_on(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=none test=int3")
    kdebug = machine.wait_prompt(60)
    assert kdebug.reason == "breakpoint" and "do_int3" in kdebug.command("bt")
    kdebug.resume()
    machine.expect("selftest: went on after int3", 20)
    with machine.at_prompt() as again:
        assert again.reason == "break"


def test_a_null_dereference_in_the_kernel_names_address_and_function(boot: BootFunction) -> None:
    kdebug = boot(cpus=2, cmdline="workload=none test=nullderef").wait_prompt(60)
    assert kdebug.reason == "exception" and "page fault" in kdebug.banner
    assert re.search(r"cr2 0*10\b", kdebug.command("regs")), kdebug.banner
    assert "do_nullderef" in kdebug.command("bt")


def test_a_kernel_stack_overflow_is_a_double_fault_at_the_prompt(boot: BootFunction) -> None:
    kdebug = boot(cpus=2, cmdline="workload=none test=stack").wait_prompt(60)
    assert kdebug.reason == "exception" and "double fault" in kdebug.banner
    assert "eat_stack" in kdebug.command("bt")


def test_a_program_with_the_right_may_enter(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=breakin")
    kdebug = machine.wait_prompt(60)
    assert kdebug.reason == "request"
    kdebug.resume()
    assert wait_all_done(machine) == (1, 0)


@pytest.mark.parametrize("when, function", [("early", "kernel_main"), ("wait", "start_user_space")])
def test_stops_at_boot_when_asked(boot: BootFunction, when: str, function: str) -> None:
    machine = boot(cpus=2, cmdline=f"workload=none kdebug={when}")
    kdebug = machine.wait_prompt(60)
    assert kdebug.reason == "boot" and function in kdebug.command("bt")
    kdebug.resume()
    assert wait_all_done(machine) == (0, 0)


def test_two_hundred_break_ins_under_load(boot: BootFunction) -> None:
    load = "ipcload:calls=20000,touch:rounds=300,hog:steps=200000000,churn:processes=300"
    machine = boot(cpus=4, cmdline=f"workload={load}")
    machine.expect(r"^hog: ", 60)
    for turn in range(BREAK_INS):
        kdebug = machine.break_in("escape" if turn % 5 == 4 else "break")
        if turn % 20 == 0:
            assert kdebug.command("cpus").count("stopped") == 4
        kdebug.resume()
    assert wait_all_done(machine, 300) == (4, 0)


def test_a_break_that_meets_output_is_not_lost(boot: BootFunction) -> None:
    """Who prints reads the line status, too, and reading it clears the BREAK bit (kernel/arch/x86_64/serial.c)."""
    machine = boot(cpus=4, cmdline="workload=echo:repeat=100")
    machine.expect("echo: ready", 60)
    for turn in range(OUTPUT_BREAK_INS):
        machine.send(f"turn {turn}\r")
        machine.expect(rf"^echo: turn {turn}$", 20)
        machine.break_in().resume()
    machine.send("quit\r")
    machine.expect("^echo: quit", 60)
    assert wait_all_done(machine) == (1, 0)


# ---- what it says ----


_prompts: dict[Machine, KdebugPrompt] = {}


@pytest.fixture
def kdebug(idle_machine: Machine) -> KdebugPrompt:
    """The prompt of the shared idle machine; it stays stopped between tests of this file."""
    if idle_machine not in _prompts:
        _prompts[idle_machine] = idle_machine.break_in()
    return _prompts[idle_machine]


EXPECTED = {
    "help": r"^  threads +.*all threads",
    "help bt": r"backtrace",
    "version": r"Spoor kdebug.* 4 cores",
    "cpus": r"^[* ]  3 +3  stopped +\d+ +\w+",
    "regs 1": r"rip [0-9a-f]{16}",
    "threads": r"^ +1  receive .* init +main",
    "thread 1": r"thread 1 'main' of init",
    "processes": r"alive .* init$",
    "bt": r"^core \d:\n +\d*  [0-9a-f]{16}  \w+",
    "bt all": r"core 3:",
    "handles 9": r".",
    "mailboxes": r"init",
    "waits": r"receive",
    "detours": r"^CORE +handle +deadline(.*\n)+ +3 +\d+",
    "runq": r"^core 3: 0 ready, runs idle",
    "trace": r"LANE +KIND",
    "trace last 5": r"cpu\d +\d+!? +\w+\.\w+",
    "log": r"cores: 4 of 4 run",
    "locks": r".",
    "mem": r".",
    "heap": r".",
    "pager": r"there is no pager",
    "frame 0x100000": r"in the run of \d+ frames at 0x",
    "space init": r"^[0-9a-f]{16} +\d+ KiB  r-x  physical area 0x",
    "sym kernel_main": r"kernel_main",
    "read kernel_main 32": r"^ffffffff8[0-9a-f]{7}  ([0-9a-f]{2} ){16}",
    "print 6*7": r"0x2a = 42",
    "print cpus[0].id cpus[3].id": r"^0 3 *$",
    "threads | where .tid == 1 | print .name": r'^"main"$',
    "processes | where .name == \"init\" | print": r"^  \.name = \"init\"",
    "list process_list process all_link | print .name": r'^"init"$',
    "threads | where .run == BLOCKED | sort .tid | bt": r"thread_wait",
    "type thread": r"^ +\d+ +32  char \[32\] name$",
    "walk kernel kernel_main": r"is physical 0x[0-9a-f]+ in a page of 4 KiB: kernel read execute",
    "check": r"^check: 0 broken$",
    "threads | count": r"\d+",
    "threads ! grep receive": r"receive",
}


@pytest.mark.parametrize("command", EXPECTED)
def test_commands_answer(kdebug: KdebugPrompt, command: str) -> None:
    if command in ("handles 9", "space init"):
        init = next(line for line in kdebug.command("processes").splitlines() if line.rstrip().endswith("init"))
        command = f"{command.split()[0]} {init.split()[0]}"
    output = kdebug.command(command)
    pattern = EXPECTED.get(command, EXPECTED["space init"] if command.startswith("space") else r"mailbox|process")
    assert re.search(pattern, output, re.MULTILINE), f"{command}:\n{output}"
    assert "error:" not in output and "fault in the debugger" not in output


BAD_ADDRESSES = ["0xdeadbeef00000000", "0x10", "0xffff900000000000", "0xfffffffffffffff0", "0x7ffffffff000"]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_a_bad_address_is_an_error_and_the_prompt_stays(kdebug: KdebugPrompt, address: str) -> None:
    assert "error:" in kdebug.command(f"read {address} 64")
    assert "42" in kdebug.command("print 42")


@pytest.mark.parametrize("line", ["nosuchcommand", "bt 99999", "regs 77", "read", "threads | nonsense", "print 1 +",
                                  "walk 12345 0", "((((", "! ! !", "a" * 240])
def test_a_wrong_command_is_an_error_and_the_prompt_stays(kdebug: KdebugPrompt, line: str) -> None:
    assert "error:" in kdebug.command(line)
    assert "42" in kdebug.command("print 42")


def test_memory_is_what_qemu_sees(kdebug: KdebugPrompt, idle_machine: Machine) -> None:
    symbols = idle_machine.symbols
    assert symbols
    for name, count in (("kernel_main", 256), ("syscall_dispatch", 64), ("cpus", 512)):
        address = symbols.address_of(name)
        shown = read_hex(kdebug.command(f"read {name} {count}"), count)
        assert shown == idle_machine.read_virtual(address, count), name
    walked = re.search(r"is physical (0x[0-9a-f]+)", kdebug.command("walk kernel kernel_main"))
    assert walked
    physical = int(walked.group(1), 16)
    assert read_hex(kdebug.command(f"read {physical:#x} 128 /p"), 128) == idle_machine.read_physical(physical, 128)
    assert idle_machine.read_physical(physical, 64) == idle_machine.read_virtual(symbols.address_of("kernel_main"), 64)


def read_hex(text: str, count: int) -> bytes:
    """The bytes of kdebug's hex dump."""
    data = b""
    for line in text.splitlines():
        match = re.match(r"^[0-9a-f]{16}  ((?:[0-9a-f]{2} ?| {3}){16})", line)
        if match:
            data += bytes.fromhex(match.group(1))
    return data[:count]


def test_symbols_are_those_of_the_image(kdebug: KdebugPrompt, idle_machine: Machine) -> None:
    symbols = idle_machine.symbols
    assert symbols
    for name in ("kernel_main", "syscall_dispatch", "thread_wait", "kdebug_nmi", "cpus"):
        assert f"{symbols.address_of(name):x}" in kdebug.command(f"sym {name}")


def test_the_region_names_the_build_of_the_kernel(kdebug: KdebugPrompt, idle_machine: Machine) -> None:
    elf = paths.kernel_elf(idle_machine.config.mode).read_bytes()
    note = elf.index(b"\x03\0\0\0GNU\0") + 8
    assert f"kernel {elf[note:note + 8].hex()}," in kdebug.command("version")


def test_a_blocked_thread_shows_why_it_waits(kdebug: KdebugPrompt) -> None:
    output = kdebug.command("bt 1")
    for frame in (r"thread_\w+\+", r"receive\w*\+", r"syscall_dispatch\+", "system call", "user code of init"):
        assert re.search(frame, output), output
    assert "mailbox" in next(line for line in kdebug.command("threads").splitlines() if line.split()[0] == "1")


def test_registers_are_those_that_qemu_saw_before(at_ready: BootFunction) -> None:
    """Stopped from outside, an idle machine takes the break before any other instruction: nothing may differ."""
    machine = at_ready(r"init: all done", cpus=4, cmdline="workload=none tracer=0")
    differences: list[str] = []
    limit = time.monotonic() + REST_SECONDS
    while time.monotonic() < limit:
        with machine.paused():
            seen = machine.registers()
            if not all(core.halted for core in seen):
                continue  # a timer, or a core on its way back from the last stop
            machine.send_break()
        kdebug = machine.wait_prompt()
        differences = [f"cpu {core.cpu} {name}" for core in seen
                       for name, value in shown_registers(kdebug, core.cpu).items()
                       if name in REGISTERS_COMPARED and core[name] != value]
        kdebug.resume()
        if not differences:
            return
    raise AssertionError(f"these differ from QEMU's: {differences}")


def shown_registers(kdebug: KdebugPrompt, cpu: int) -> dict[str, int]:
    text = kdebug.command(f"regs {cpu}")
    found = {name: int(value, 16) for name, value in re.findall(r"\b(r\w\w?|cr\d) +([0-9a-f]{16})\b", text)}
    assert set(REGISTERS_COMPARED) <= set(found), text
    return found


# ---- line editing ----

EDITS = {
    "backspace": "prinx\x7ft 42\r",
    "delete a word": "print 1 nonsense\x17\x17\x17print 42\r",
    "delete to the start": "garbage\x15print 42\r",
    "insert at the start": "rint 42\x01p\r",
    "cursor keys": "prnt 42\x1b[D\x1b[D\x1b[D\x1b[D\x1b[Di\r",
    "give a line up": "nonsense\x03print 42\r",
    "complete a command": "prin\t 42\r",
    "carriage return and line feed": "print 42\r\n",
}


@pytest.mark.parametrize("keys", EDITS)
def test_line_editing(kdebug: KdebugPrompt, keys: str) -> None:
    kdebug.command("print 1")
    mark = kdebug.machine.serial.mark()
    kdebug.machine.send(EDITS[keys])
    kdebug.machine.expect(r"0x2a = 42", 10)
    kdebug.machine.expect(r"^kdebug> \Z", 10)
    assert "error" not in kdebug.machine.serial.text_since(mark)


def test_history(kdebug: KdebugPrompt) -> None:
    kdebug.command("print 41+1")
    kdebug.command("print 7")
    kdebug.machine.send("\x1b[A\x1b[A\r")
    kdebug.machine.expect(r"0x2a = 42", 10)
    kdebug.machine.expect(r"^kdebug> \Z", 10)
