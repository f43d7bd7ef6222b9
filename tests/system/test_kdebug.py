# SPDX-License-Identifier: MIT
"""kdebug on the live machine: every way in, what it says compared with what QEMU sees, and that the machine goes on."""

from __future__ import annotations

import re
import struct
import subprocess
import time
from pathlib import Path
from random import Random

import pytest
from conftest import REST_SECONDS, BootFunction, wait_all_done, wait_all_stopped

from qemu import paths
from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine
from spoorlib.packed_text import find_texts
from spoorlib.stop_report import parse_sections

OUTPUT_BREAK_INS = 60
RANDOM_STOPS = 500
CROWD = 100
PAUSE_SECONDS = 0.004  # a stop may come anywhere in there after the last
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
            wait_all_stopped(kdebug, 4)


def test_a_script_runs_on_the_way_in(idle: Machine) -> None:
    with idle.at_prompt() as kdebug:
        kdebug.command("macro enter.escape \"echo hello; cpus | count\"")
        assert "hello" not in kdebug.banner
    with idle.at_prompt(by="escape") as kdebug:
        assert "hello\n0x4 = 4\n" in kdebug.banner
    with idle.at_prompt() as kdebug:
        assert "hello" not in kdebug.banner


def test_breaks_in_while_every_core_spins_with_interrupts_off(boot: BootFunction) -> None:
    machine = boot(cpus=4, cmdline="workload=none test=spin_cli")
    machine.expect(r"test: spin_cli", 60)
    # The line is logged before the cores are caught: wait for what it announces.
    wait_until_interrupts_are_off(machine)
    kdebug = machine.break_in()
    assert kdebug.reason == "break"
    cpus = wait_all_stopped(kdebug, 4)
    assert cpus.count("(IF=0)") == 4, cpus
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
    wait_all_stopped(kdebug, 4)


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
    machine = boot(cpus=4, cmdline="workload=breakin:cores=1")
    for cpu in range(4):
        kdebug = machine.wait_prompt(60)
        assert kdebug.reason == "request" and kdebug.cpu == cpu and "user code of breakin" in kdebug.command("bt")
        kdebug.resume()
    assert wait_all_done(machine) == (1, 0)


@pytest.mark.parametrize("when, function", [("early", "kernel_main"), ("wait", "start_user_space")])
def test_stops_at_boot_when_asked(boot: BootFunction, when: str, function: str) -> None:
    machine = boot(cpus=2, cmdline=f"workload=none kdebug={when}")
    kdebug = machine.wait_prompt(60)
    assert kdebug.reason == "boot" and function in kdebug.command("bt")
    kdebug.resume()
    assert wait_all_done(machine) == (0, 0)


@pytest.mark.parametrize("stops", [RANDOM_STOPS, pytest.param(20 * RANDOM_STOPS, marks=pytest.mark.long)])
def test_stops_at_random_under_load(boot: BootFunction, stops: int) -> None:
    """
    Wherever the cores stand, also half-way through a change of the kernel's text, as events are switched on and off
    all the time. Every program looks at its own results and says at the end whether they are right.
    """
    random, times = Random(6), stops // RANDOM_STOPS
    load = (f"ipcload:calls={8000 * times},touch:rounds={200 * times},hog:steps={100000000 * times},"
            f"churn:processes={300 * times}")
    machine = boot(cpus=4, cmdline=f"workload={load}")
    machine.expect("tracer: capturing", 60)
    for turn in range(stops):
        kdebug = machine.break_in("escape" if turn % 5 == 4 else "break")
        if turn % 20 == 0:
            wait_all_stopped(kdebug, 4)
        if turn % 4 == 0:
            assert "on after the stop" in kdebug.command("trace on" if turn % 8 else "trace off ipc mm")
        kdebug.resume()
        time.sleep(random.random() * PAUSE_SECONDS * (turn % 2))
    assert wait_all_done(machine, 300 * times) == (4, 0)


FAULTS = {"null": "fault_null", "gp": "fault_protection", "div": "fault_divide", "ud": "fault_undefined",
          "bp": "fault_breakpoint", "text": "fault_write_text", "assert": "one == 2", "stack": "double fault"}


@pytest.mark.parametrize("rounds", [12, pytest.param(250, marks=pytest.mark.long)])
def test_faults_of_the_debugger_itself_come_back_to_the_prompt(idle: Machine, rounds: int) -> None:
    """Of each kind, on each core, all typed ahead; what comes after each works."""
    with idle.at_prompt() as kdebug:
        before = int(kdebug.command("self crumbs").split()[0])
        for cpu in range(4):
            idle.send("\r" if cpu == 0 else f"move {cpu}\r")
            kdebug = idle.wait_prompt()
            for turn in range(rounds):
                mark = idle.serial.mark()
                idle.send("".join(f"self fault {fault}\r" for fault in FAULTS) + f"echo round {turn}\r")
                idle.expect(rf"^round {turn}$", 60, fatal=None)
                idle.wait_prompt()
                said = idle.serial.text_since(mark)
                for fault, words in FAULTS.items():
                    assert re.search(rf"self fault {fault}\n\nkdebug: .*{words}.*\nkdebug> ", said), said
        wait_all_stopped(kdebug, 4)
        crumbs = kdebug.command("self crumbs").splitlines()
        assert crumbs[0] == f"{before + 4 * len(FAULTS) * rounds} faults of the debugger; the newest:"
        assert "double fault at fault_stack" in crumbs[1] and "a failed check" in crumbs[2]
        assert "page fault at fault_null" in crumbs[8] and "address 0x10" in crumbs[8]
    with idle.at_prompt() as kdebug:  # the machine has gone on, and the door is as it was
        assert kdebug.reason == "break"


def test_a_core_that_does_not_answer_is_named_and_comes_late(idle: Machine) -> None:
    with idle.at_prompt() as kdebug:
        assert "another core" in kdebug.command("self deaf 0") and "another core" in kdebug.command("self deaf 4")
        kdebug.command("self deaf 2")
    with idle.at_prompt() as kdebug:
        assert "cpu 2 does not answer" in kdebug.banner
        assert re.search(r"^ +2 .*MISSING", kdebug.command("self"), re.MULTILINE)
        wait_all_stopped(kdebug, 3)
    with idle.at_prompt() as kdebug:  # the others have gone on meanwhile, and stop again
        assert "cpu 2 does not answer" in kdebug.banner
        idle.send("self hear\r")
        idle.expect(r"^kdebug: cpu 2 has come$", 20, fatal=None)
        idle.wait_prompt()
        wait_all_stopped(kdebug, 4)
    with idle.at_prompt() as kdebug:
        assert "cpu 2 does not answer" not in kdebug.banner


def site_forms(machine: Machine) -> list[str]:
    """What stands at each trace site, as QEMU sees it: 'off', 'on', 'hooked'; and that the table says so, too."""
    symbols = machine.symbols
    assert symbols
    first, end = (symbols.address_of(f"trace_sites_{edge}") for edge in ("start", "end"))
    start, stop = (symbols.address_of(f"kernel_text_{edge}") for edge in ("start", "end"))
    text, forms = machine.read_virtual(start, stop - start), []
    for address, on, hooked, event in struct.iter_unpack("<4Q", machine.read_virtual(first, end - first)):
        held = text[address - start:address - start + 5]
        jumps = {b"\xe9" + struct.pack("<i", to - address - 5): form for form, to in (("on", on), ("hooked", hooked))}
        form = {bytes.fromhex("0f1f440000"): "off", **jumps}[held]
        assert event >> 62 == {"off": 0, "hooked": 1, "on": 2}[form], f"{address:#x}: {form}, {event:#x}"
        forms.append(form)
    return forms


def test_a_text_patch_broken_into_is_finished(idle: Machine) -> None:
    """Stops while events are switched: at some sites, before their bytes are written and after."""
    symbols = idle.symbols
    assert symbols
    with idle.at_prompt() as kdebug:
        forms = {"on": site_forms(idle)}
        kdebug.command("trace off sched")
    forms["off"] = forms["on"]
    while forms["off"] == forms["on"]:
        with idle.at_prompt():
            forms["off"] = site_forms(idle)
    changed = [index for index, pair in enumerate(zip(forms["on"], forms["off"], strict=True)) if pair[0] != pair[1]]
    assert len(changed) > 10 and {forms["on"][index] for index in changed} == {"on"}
    for number, index in enumerate((changed[0], changed[len(changed) // 2], changed[-1])):
        switch = "off" if number % 2 else "on"
        with idle.at_prompt() as kdebug:
            kdebug.command(f"watch {symbols.address_of('trace_sites_start') + 32 * index + 24} bytes 8")
            assert "after the stop" in kdebug.command(f"trace {switch} sched")
        for _ in range(2):
            kdebug = idle.wait_prompt(60)
            assert kdebug.reason == "breakpoint" and site_forms(idle) == forms[switch]
            kdebug.resume()
        with idle.at_prompt() as kdebug:
            assert site_forms(idle) == forms[switch]
            kdebug.command("delete all")


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


def test_what_is_typed_while_breakpoints_are_passed_arrives(boot: BootFunction) -> None:
    """Each system call stops all cores for a moment, which look at the line for BREAK."""
    machine = boot(cpus=2, cmdline="workload=echo:repeat=1")
    machine.expect("echo: ready", 60)
    with machine.at_prompt() as kdebug:
        kdebug.command("break syscall_dispatch if 0")
    for turn in range(5):
        machine.send(f"turn {turn}\r")
        machine.expect(rf"^echo: turn {turn}$", 20)
    machine.send("quit\r")
    assert wait_all_done(machine) == (1, 0)


# ---- who may come in ----

def test_what_is_locked_stays_locked(boot: BootFunction) -> None:
    kdebug = boot(cpus=2, cmdline="workload=none kdebug=wait kdebug_lock=writes,io,resumes").wait_prompt(60)
    for line in ("write 0xffffffff80000000 1", "step", "reboot", "break kernel_main", "set %rax = 1", "call strlen 0"):
        assert "this boot does not allow" in kdebug.command(line), line
    assert "rip" in kdebug.command("regs")
    kdebug.resume()
    assert wait_all_done(kdebug.machine) == (0, 0)


def test_a_shut_door(boot: BootFunction) -> None:
    """Neither BREAK nor escape nor an NMI; what is typed around them arrives; a panic says its message and no more."""
    machine = boot(cpus=2, cmdline="workload=echo:repeat=2 kdebug=off")
    machine.expect("echo: ready", 60)
    for turn, by in enumerate((machine.send_break, lambda: machine.send(b"\x1c"), machine.inject_nmi)):
        by()
        machine.send(f"turn {turn}\r")
        machine.expect(rf"^echo: turn {turn}$", 20)
    machine.send("quit\r")
    assert wait_all_done(machine) == (1, 0)
    dying = boot(cpus=2, cmdline="workload=none kdebug=off test=panic")
    dying.expect("kdebug: panic: test=panic asked for this", 60, fatal=None)
    dying.expect("kdebug: shut, this core halts", 20, fatal=None)


NO_PASSPHRASE = "kdebug_passphrase=nonsense"  # none is right; but nobody is asked
REPORT = ["version", "stop", "cores", "registers", "backtraces", "threads", "waits", "processes", "locks", "memory",
          "objects", "invariants", "trace", "log"]


def test_a_panic_that_nobody_sees_leaves_a_report(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline=f"workload=none kdebug=unattended test=panic {NO_PASSPHRASE}")
    mark = machine.serial.cursor
    machine.expect("=== spoor report done", 60, fatal=None)
    sections = parse_sections(machine.serial.text_since(mark))
    assert list(sections) == REPORT
    assert "panic" in sections["backtraces"] and "test=panic asked for this" in sections["log"]
    machine.expect("kdebug: reboot", 20, fatal=None)
    assert machine.wait_exit(60) == "guest-reset"


def test_a_packed_report_is_the_plain_one(boot: BootFunction, tmp_path: Path) -> None:
    """And takes a third of the line's time at most: a goal that LZ4 would miss."""
    machine = boot(cpus=2, cmdline=f"workload=crowd:threads={CROWD}:keep_ms=7200000 tracer=0")
    machine.expect(f"crowd: {CROWD} threads stand", 60)
    with machine.at_prompt() as kdebug:
        plain, packed = kdebug.command("report", 120), kdebug.command("report | z", 120)
    text, = find_texts(packed)
    assert (text.text, text.trouble, text.damaged) == (plain, "", [])
    assert list(parse_sections(packed)) == REPORT
    assert 3 * on_the_wire(packed) <= on_the_wire(plain)
    log = tmp_path / "serial.log"
    log.write_text(f"kdebug> report | z\n{packed}")
    done = subprocess.run([paths.ROOT / "tools" / "spoor", "unpack", log], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, plain, "")


def on_the_wire(text: str) -> int:
    """Bytes: kdebug ends lines with CR LF."""
    return len(text) + text.count("\n")


# ---- what it says ----


_prompts: dict[Machine, KdebugPrompt] = {}


@pytest.fixture
def kdebug(idle_machine: Machine) -> KdebugPrompt:
    """The prompt of the shared idle machine; it stays stopped between tests of this file."""
    if idle_machine not in _prompts:
        _prompts[idle_machine] = idle_machine.break_in()
    return _prompts[idle_machine]


EXPECTED = {
    "dis": r"^> [0-9a-f]{16}  \w+\S*  +\w+|built without Zydis",
    "report cores": r"^=== spoor report end cores \d+ [0-9a-f]{8}$",
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
    "trace last 5 where event is kdebug and not reason == panic": r"kdebug\.enter reason=break",
    "trace mark a kdebug.enter": r"kdebug\.enter reason=break +<- mark a$",
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
    if "built without Zydis" in output:
        pytest.skip("Zydis was not fetched: make deps")
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


WALKED = ["kernel_main", "syscall_dispatch", "cpus", "process_list", "thread_slots", "kernel_text_start",
          "kd_session_begin"]


def test_page_walks_are_those_of_qemu(kdebug: KdebugPrompt, idle_machine: Machine) -> None:
    """Text, data, the direct map, stacks of threads, guards below them, and what is mapped nowhere."""
    symbols = idle_machine.symbols
    assert symbols
    random = Random(13)
    places = [symbols.address_of(name) + random.randrange(64) for name in WALKED]
    places += [0xffff800000000000 + random.randrange(1 << 29) for _ in range(16)]
    places += [0xffffc00000000000 + random.randrange(1 << 18) for _ in range(24)]
    places += [0xffff900000000000, 0xffffe00000000000, 0xffffffffc0000000]
    mapped = 0
    for place in places:
        seen = re.search(r"gpa: (0x[0-9a-f]+)", idle_machine.monitor(f"gva2gpa {place:#x}"))
        shown = re.search(r"is physical (0x[0-9a-f]+)", kdebug.command(f"walk kernel {place:#x}"))
        assert (seen and int(seen[1], 16)) == (shown and int(shown[1], 16)), f"{place:#x}"
        mapped += seen is not None
    assert 0 < mapped < len(places)


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


# ---- anything typed ----

# Nothing that lets the machine go: no 'c', and what changes it is locked.
WORDS = ["threads", "bt all", "print", "walk kernel", "read", "dis", "type", "where", "sort", "uniq", "head 3",
         "thread 1", "regs", "runq", "waits", "heap", "frame", "sym -part", "mem", "list", "array", "set", "%rip",
         "kernel_main", "0x1000",
         "$x", ".tid", ".name", "->", "*", "&", "(", ")", "==", "=", "|", "!", ";", "#", "grep a", "tail 2", "-1", "/p",
         "\"", "'", "{", "}", "[", "]", "\t", "\x01", "\x0b", "\x17", "\x1b[A", "\x1b[D", "\x7f"]


def test_anything_typed_leaves_the_prompt(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=none kdebug=wait kdebug_lock=writes,io,resumes")
    kdebug = machine.wait_prompt(60)
    random = Random(14)
    for _ in range(60):
        line = " ".join(random.choice(WORDS) for _ in range(random.randrange(1, 8)))
        machine.send("\x15" + line + "\r")
        machine.expect(r"^kdebug> \Z", 60)
    for _ in range(15):
        noise = bytes(random.choice([byte for byte in range(1, 256) if byte not in b"cC\x03\x1c"]) for _ in range(60))
        machine.send(b"\x15" + noise + b"\x15\r")
        machine.expect(r"^kdebug> \Z", 60)
    machine.send("\x15echo over\r")  # what was typed may have been several lines, with a prompt after each
    machine.expect(r"^over\n", 60)
    machine.expect(r"^kdebug> \Z", 60)
    assert "42" in kdebug.command("print 42") and "0 broken" in kdebug.command("check")
    kdebug.resume()
    assert wait_all_done(machine) == (0, 0)


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


def test_a_session_by_keys(kdebug: KdebugPrompt) -> None:
    """Names completed, a line found again, output looked through, as a person does it."""
    machine = kdebug.machine

    def keys(text: str, *wanted: str) -> None:
        machine.send(text)
        for pattern in wanted:
            machine.expect(pattern, 20, fatal=None)

    keys("prin\tsizeof(struct spinl\t)\r", r"print sizeof\(struct spinlock", r" = \d+$", r"^kdebug> \Z")
    keys("sym kernel_mai\t\r", r"sym kernel_main", r"^ffffffff8\w+.*kernel_main", r"^kdebug> \Z")
    keys("print cpus[1].curr\t->na\t\r", r"cpus\[1\]\.current->name", r'^"idle"$', r"^kdebug> \Z")
    keys("spinl\x12", r"struct spinlock")  # ^R: the newest line with that in it
    keys("\r", r"= \d+$", r"^kdebug> \Z")
    kdebug.command("set pager 5")
    keys("help\r", r"-- more: ")
    keys("/who waits on what\r", r"  waits +\[PID\] .*who waits on what", r"-- more: ")
    keys("q", r"\^C$", r"^kdebug> \Z")
    kdebug.command("set pager 0")
    assert "42" in kdebug.command("print 42")
