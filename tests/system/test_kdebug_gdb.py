# SPDX-License-Identifier: MIT
"""gdb on the serial line of the prompt: the stub in the kernel, a real gdb, console and gdb by turns."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BootFunction, wait_all_done

from qemu.machine import Machine
from qemu.paths import build_folder

GDB_SECONDS = 120
LOAD = "ipcload:calls=15,churn:processes=40"


class Bridge:
    """Hands the serial line to whoever connects to a socket, for as long as it stays connected."""

    def __init__(self, machine: Machine, path: Path) -> None:
        self.machine = machine
        self.peer: socket.socket | None = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        machine.on_serial(self.take, lambda: None)
        threading.Thread(target=self.serve, daemon=True).start()

    def take(self, data: bytes) -> None:
        peer = self.peer
        if peer is not None:
            with contextlib.suppress(OSError):  # it has hung up
                peer.sendall(data)

    def serve(self) -> None:
        with contextlib.suppress(OSError):  # the listener is closed: the end
            while True:
                peer, _ = self.listener.accept()
                self.peer = peer
                with contextlib.suppress(OSError):
                    while data := peer.recv(4096):
                        self.machine.send(data)
                self.peer = None


@pytest.fixture
def small(boot: BootFunction, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Path]]:
    """Few processes, as gdb reads the program of each: two, and a third from time to time."""
    load = "workload=churn:processes=20:parallel=1"
    yield from bridged(boot(cpus=2, cmdline=f"{load} tracer=0 kdebug=wait"), tmp_path_factory)


@pytest.fixture
def waiting(boot: BootFunction, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Path]]:
    yield from bridged(boot(cpus=4, cmdline=f"workload={LOAD} kdebug=wait"), tmp_path_factory)


def bridged(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Path]]:
    machine.wait_prompt(60)
    path = tmp_path_factory.mktemp("g") / "line"
    bridge = Bridge(machine, path)
    yield machine, path
    bridge.listener.close()


def gdb(path: Path, *commands: str) -> str:
    arguments = ["gdb", "-nx", "-batch", "-ex", "set pagination off", "-ex", "set tcp auto-retry off",
                 "-ex", "set remotetimeout 30",
                 str(build_folder() / "debug/kernel.elf"), "-ex", f"target remote {path}"]
    for command in commands:
        arguments += ["-ex", command]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=GDB_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_session_with_gdb(waiting: tuple[Machine, Path]) -> None:
    machine, path = waiting
    output = gdb(
        path,
        "info threads",
        "break sys_mailbox_call",
        "continue",
        "backtrace",
        "info threads",
        "stepi",
        "stepi",
        "print cpus[0].id",
        "print/x $rip",
        "x/2i sys_mailbox_call",
        "monitor processes",
        "monitor continue",
        "delete",
        "watch last_tid",
        "continue",
        "print last_tid",
        "delete",
        "compare-sections .rodata",
        "set $keep = $rax",
        "set $rax = 0x1234",
        "print/x $rax",
        "set $rax = $keep",
        "detach",
    )
    assert "idle of core 3" in output, output
    assert re.search(r"Breakpoint 1, .*sys_mailbox_call", output), output
    assert re.search(r"#1 .*syscall_dispatch", output), output
    assert re.search(r'"init/main" \((receive|join|ready|running)', output), output
    assert "$1 = 0" in output and "0x1234" in output, output
    assert re.search(r"alive .* init$", output, re.MULTILINE), output
    assert "'continue' may not be used from here" in output, output
    assert re.search(r"watchpoint 2: last_tid.*Old value = \d+.*New value = \d+", output, re.DOTALL), output
    assert "matched" in output and "MIS-MATCHED" not in output, output
    kdebug = machine.wait_prompt(20)  # gdb has gone, the prompt is back
    assert len(kdebug.command("breakpoints").splitlines()) == 0
    assert "last_tid" in kdebug.command("sym last_tid")
    kdebug.resume()
    assert wait_all_done(machine, 120) == (2, 0)


CALLERS = ["mailbox_create", "cache_alloc", "frame_alloc", "handle_add", "object_init", "thread_ready"]
HERE = "== here\n"


def arguments_of(text: str, frame: str) -> list[tuple[str, dict[str, int | None]]]:
    """Function and arguments of each frame: numbers, and None for what is said to be lost."""
    frames = [re.match(frame, line) for line in text.splitlines()]
    said = r"\b(\w+)=(?:(0x[0-9a-f]+|-?\d+)\b|<optimized out>)"
    return [(match[1], {name: int(number, 0) if number else None for name, number in re.findall(said, match[2])})
            for match in frames if match]


def test_arguments_are_those_of_gdb(waiting: tuple[Machine, Path]) -> None:
    """What callers had in registers: where kdebug shows an argument, gdb, which has the whole DWARF, shows the same."""
    _, path = waiting
    lines = [line for place in CALLERS
             for line in (f"tbreak {place}", "continue", f"echo {HERE}", "backtrace", "monitor bt args", "delete")]
    output = gdb(path, "set print symbol off", "set width 0", "set print frame-info short-location",
                 "set print entry-values no", *lines, "detach")
    theirs = [arguments_of(text, r"#\d+ +(?:0x\w+ in )?(\w+)(?:\.\w+)* \((.*)\)$") for text in output.split(HERE)[1:]]
    ours = [arguments_of(text, r" +\d+  [0-9a-f]{16}  (\w+)(?:\.\w+)*(?:\+0x\w+)?\((.*)\)$")
            for text in re.split(r"^core \d+:$", output, flags=re.MULTILINE)[1:]]
    assert len(ours) == len(theirs) == len(CALLERS), output
    compared, of_callers = 0, 0
    for stop, other in zip(ours, theirs):
        for depth, (name, arguments) in enumerate(stop):
            place = next((i for i, (function, _) in enumerate(other) if function == name), -1)
            assert place >= 0, (name, output)  # those between are inlined
            same, other = other[place][1], other[place + 1:]
            for argument in arguments.keys() & same.keys():  # gdb has names for values of enums
                value, known = arguments[argument] or 0, same[argument]
                mask = (1 << (64 if value >> 32 else 32)) - 1
                assert known is not None and known & mask == value & mask, (name, argument, hex(value), output)
                compared += 1
                of_callers += depth > 0
    assert compared >= 20 and of_callers >= 10, (compared, of_callers, output)


def test_gdb_comes_and_goes(waiting: tuple[Machine, Path]) -> None:
    machine, path = waiting
    for turn in range(10):
        output = gdb(path, "info threads", f"print {turn} + 40", "detach")
        assert f"$1 = {turn + 40}" in output and "error" not in output.lower(), output
        assert "42" in machine.wait_prompt(20).command("print 42")
    gdb(path, "kill")
    assert wait_all_done(machine, 120) == (2, 0)


def test_all_that_gdb_can_ask(waiting: tuple[Machine, Path]) -> None:
    """What the session above does not need: documents, ranges, searches, conditions, binary data, bare packets."""
    machine, path = waiting
    cr3 = machine.registers()[0]["cr3"]
    text = path.parent / "text"
    output = gdb(
        path,
        "info mem",
        "print/x $cr3",
        "set breakpoint always-inserted on",
        "set breakpoint condition-evaluation target",
        "break sys_mailbox_call if $rsp == 0",
        "tbreak thread_create if start->name != 0",
        "continue",
        "monitor breakpoints",
        "next",
        "step",
        "finish",
        "delete",
        "awatch process_list_lock.acquired",  # not an atomic: QEMU 7.2 misses those that are read and written at once
        "continue",
        "delete",
        "rwatch cpus_running",
        "continue",
        "delete",
        "hbreak sys_mailbox_receive if frame != 0",
        "continue",
        "delete",
        "find /w &cpus[1].id, +8, 1",
        f"dump binary memory {text} &kernel_text_start (char *)&kernel_text_start+8192",
        "maint packet qOffsets",
        "maint packet vMustReplyEmpty",
        "maint packet vCont;t",
        "maint packet xffffffff80000000,4",
        "maint packet nonsense",
        "thread apply all -s x/i $rip",
        "detach",
    )
    assert re.search(r"0x0+\s+0x0*7ffffffff000 rw", output), output
    assert f"$1 = {cr3:#x}" in output, output
    assert re.search(r"Temporary breakpoint 2, .*thread_create", output), output
    assert re.search(r"^ +1 +code +yes +0 +sys_mailbox_call *$", output, re.MULTILINE), output  # its condition is false
    assert "Value returned is" in output, output
    assert "Hardware access (read/write) watchpoint 3: process_list_lock.acquired" in output, output
    assert re.search(r"hit Hardware read watchpoint 4: cpus_running\s+Value = 4", output), output
    assert re.search(r"Breakpoint 5, .*sys_mailbox_receive", output), output
    assert re.search(r"\d patterns? found", output), output
    assert output.count('received: ""') == 2 and 'received: "Text=0;Data=0;Bss=0"' in output, output
    symbols = machine.symbols
    assert symbols and text.read_bytes() == machine.read_virtual(symbols.address_of("kernel_text_start"), 8192)
    machine.wait_prompt(20).resume()
    assert wait_all_done(machine, 120) == (2, 0)


def test_processes_are_seen_under_their_programs(small: tuple[Machine, Path]) -> None:
    """User and kernel side of each thread; a breakpoint in one program. init's comes out of the boot image."""
    machine, path = small
    output = gdb(
        path,
        "tbreak sys_process_create",
        "ignore 1 1",  # init's, of churn; at churn's first the two are alone
        "continue",
        "monitor gdb processes on",
        "info threads",
        "info inferiors",
        "thread 2.1",
        "backtrace",
        "inferior 3",
        "hbreak *program_spawn",
        "continue",
        "backtrace 2",
        "stepi",
        "stepi",
        "print/x $pc - (unsigned long)&program_spawn < 20",
        "delete",
        "inferior 1",
        "backtrace 1",
    )
    assert re.search(r"debug/kernel.elf *\n", output) and re.search(r"target:/init *\n", output), output
    assert re.search(r'2\.1 +Thread .*"init/main"', output) and re.search(r"#\d.* in main \(", output), output
    assert re.search(r"hit Breakpoint 2, .*program_spawn", output) and "$1 = 0x1" in output, output
    kdebug = machine.wait_prompt(20)
    assert len(kdebug.command("breakpoints").splitlines()) == 0
    kdebug.resume()
    assert wait_all_done(machine, 120) == (1, 0)


def test_a_program_is_a_library(small: tuple[Machine, Path]) -> None:
    """Names of user code in the kernel's inferior, out of the boot image through the line."""
    machine, path = small
    output = gdb(
        path,
        "tbreak sys_process_create",
        "continue",
        "info sharedlibrary",
        "monitor gdb libraries on",
        "sharedlibrary",
        "info sharedlibrary",
        "print &((struct workload *)0)->args",
        "print workloads[0].name",
        "info symbol main",
        "detach",
    )
    assert "No shared libraries loaded" in output and re.search(r"Yes +target:/init", output), output
    assert re.search(r'\$2 = 0x\w+ "churn"', output) and "main in section .text of target:/init" in output, output


def test_commands_of_a_breakpoint_run_in_the_stub(small: tuple[Machine, Path]) -> None:
    """gdb's dprintf on the agent: it says something, and nobody stops."""
    machine, path = small
    output = gdb(
        path,
        "set dprintf-style agent",
        "set breakpoint always-inserted on",
        'dprintf thread_create,"starts <%s> at %3u\\n", start->name, start->priority',
        "tbreak process_destroy",
        "continue",
        "monitor breakpoints",
        "detach",
    )
    assert re.search(r"^starts <churn> at   8$", output, re.MULTILINE), output
    assert re.search(r"Temporary breakpoint 2, .*process_destroy", output), output
    hits = re.search(r"code +yes +(\d+) +thread_create", output)
    assert hits and int(hits[1]) == output.count("starts <"), output
    machine.wait_prompt(20).resume()
    assert wait_all_done(machine, 120) == (1, 0)
