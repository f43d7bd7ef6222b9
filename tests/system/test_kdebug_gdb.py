# SPDX-License-Identifier: MIT
"""gdb on the serial line of the prompt: the stub in the kernel, a real gdb, console and gdb by turns."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BootFunction, wait_all_done
from test_gdb import MachineLine

from qemu.gdb_client import GdbClient
from qemu.machine import Machine
from qemu.paths import build_folder
from qemu.symbols import SymbolTable
from spoorlib import gdb_port
from spoorlib.gdb_port import SharedLine

GDB_SECONDS = 120
WAIT_SECONDS = 90
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


SESSION = {  # a command, and what gdb must say to it
    "tbreak sys_mailbox_call": r"Temporary breakpoint 1 at",
    "continue": r"Temporary breakpoint 1, .*sys_mailbox_call \(",
    "backtrace": r"^#1 .*syscall_dispatch",
    "info threads": r'Thread \S+ "init/main" \((?:receive|join|ready|running)',
    "step": r"^\d+\t|^\w+ \(",
    "print *cpus[0].current": r"\$1 = \{object = \{.*name = ",
    "x/2i sys_mailbox_call": r"<sys_mailbox_call(?:\+\d+)?>:\t",
    "watch last_tid": r"Hardware watchpoint 2: last_tid",
    "continue ": r"Hardware watchpoint 2: last_tid\s+Old value = \d+\s+New value = \d+",
    "delete": "",
    "detach": r"\[Inferior 1 \(process 1\) detached\]",
}
ENDLESS = "ipcload:calls=1000000000,churn:processes=1000000000"


@pytest.mark.parametrize("sessions", [3, pytest.param(20, marks=pytest.mark.long)])
def test_gdb_comes_and_goes(boot: BootFunction, tmp_path_factory: pytest.TempPathFactory, sessions: int) -> None:
    """The whole of a usual session, the prompt, the next gdb, and so on: nothing that gdb calls an error, ever."""
    for machine, path in bridged(boot(cpus=2, cmdline=f"workload={ENDLESS} kdebug=wait"), tmp_path_factory):
        for _ in range(sessions):
            lines = [line for command in SESSION for line in (f"echo {HERE}", command.strip())]
            said = gdb(path, "set width 0", *lines).split(HERE.strip())[1:]
            for (command, wanted), text in zip(SESSION.items(), said, strict=True):
                assert re.search(wanted, text, re.MULTILINE | re.DOTALL), (command, text)
            wrong = re.findall(r"(?i).*\b(?:error|warning|cannot|failed|invalid|timed out|ignoring)\b.*", "".join(said))
            assert not wrong, wrong
            kdebug = machine.wait_prompt(20)
            assert "42" in kdebug.command("print 42") and kdebug.command("breakpoints") == ""
        gdb(path, "kill")  # lets the machine go
        machine.break_in().resume()


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


def stacks_of(output: str) -> dict[tuple[int, int], str]:
    """What 'thread apply all backtrace' says, by process and thread."""
    parts = re.split(r"^Thread \d+\.\d+ \(Thread (\d+)\.(\d+) .*\):$", output, flags=re.MULTILINE)[1:]
    return {(int(pid), int(tid)): text.split("\n\n")[0] for pid, tid, text in zip(*[iter(parts)] * 3)}


def check_both_sides(output: str) -> None:
    """The kernel and each process are an inferior; threads of processes have names, and the kernel's side."""
    processes = set(map(int, re.findall(r"^ +(\d+)  alive +\d+ +\d+ +\w+ +\w+", output, re.MULTILINE)))
    inferiors = re.findall(r"^[* ] \d+ +process (\d+) .* (\S+) *$", output, re.MULTILINE)
    assert len(processes) == 2 and {int(pid) for pid, _ in inferiors} == {1} | processes, output
    assert [name for pid, name in inferiors if pid != "1"] == ["target:/init", "target:/churn"], output
    stacks = stacks_of(output)
    users = [(pid, tid) for pid, tid in stacks if pid != 1]
    assert len(users) >= 3 and {pid for pid, _ in users} == processes, output
    for user in users:
        assert re.search(r"\b(?:main|run_thread) \(.* at \S*userspace/", stacks[user]), (user, output)
    [churn] = [tid for pid, tid in users if pid == max(processes)]  # it has stopped in a system call
    assert re.search(r"\bsyscall_dispatch \(.* at kernel/", stacks[1, churn]), output
    assert not re.search(r"userspace/", stacks[1, churn]), output


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
        "monitor processes",
        "thread apply all backtrace",
        "thread 2.1",
        "backtrace",
        "inferior 3",
        "break *program_spawn",
        "continue",
        "backtrace 2",
        "stepi",
        "stepi",
        "print/x $pc - (unsigned long)&program_spawn < 20",
        "delete",
        "inferior 1",
        "backtrace 1",
    )
    check_both_sides(output)
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


class Talk:
    """A gdb that stays: what it is told, what it says."""

    def __init__(self) -> None:
        self._gdb = subprocess.Popen(["gdb", "-nx", "-q", "-ex", "set pagination off", "-ex", "set confirm off",
                                      "-ex", "set remotetimeout 30", str(build_folder() / "debug/kernel.elf")],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._said = Heard()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._gdb.stdout
        while data := self._gdb.stdout.read(1):
            self._said.take(data)

    def tell(self, command: str, wanted: str) -> str:
        """A command; returns what it says up to and with what it must say."""
        assert self._gdb.stdin
        self._gdb.stdin.write(command + "\n")
        self._gdb.stdin.flush()
        return self._said.wait(wanted)

    def interrupt(self, wanted: str) -> str:
        """^C, as a terminal sends it."""
        self._gdb.send_signal(signal.SIGINT)
        return self._said.wait(wanted)

    def end(self) -> None:
        self._gdb.kill()
        self._gdb.wait(GDB_SECONDS)


class Heard:
    """Text that comes by itself."""

    def __init__(self) -> None:
        self._text = ""
        self._change = threading.Condition()

    def take(self, text: str) -> None:
        with self._change:
            self._text += text
            self._change.notify_all()

    def wait(self, pattern: str) -> str:
        """What comes up to the end of the pattern; the next call looks behind it."""
        regex, found = re.compile(pattern, re.MULTILINE), None
        with self._change:
            assert self._change.wait_for(lambda: regex.search(self._text), WAIT_SECONDS), (pattern, self._text[-3000:])
            found = regex.search(self._text)
            assert found
            text, self._text = self._text[:found.end()], self._text[found.end():]
        return text


GONE = r"^kdebug> \[gdb has gone|^\[gdb has gone.*\n(?:.*\n)*kdebug> "


def test_one_line_for_a_person_and_gdb(boot: BootFunction, tmp_path_factory: pytest.TempPathFactory,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """
    By turns, the same gdb and the same person: the log goes on to the person while gdb is there and the machine runs,
    ^C and the whole prompt are there for gdb, and the prompt is the person's when gdb has detached.
    """
    machine = boot(cpus=2, cmdline="workload=churn:processes=8,sleeper:sleeps=20:max_us=60000 tracer=0 kdebug=wait")
    machine.wait_prompt(60)
    path = tmp_path_factory.mktemp("g") / "line"
    person, gdb = Heard(), Talk()
    monkeypatch.setattr(gdb_port, "_say", lambda text: person.take(f"[{text}]\n"))
    line = SharedLine(MachineLine(machine), str(path))

    def listen() -> None:
        while data := line.receive():
            person.take(data.decode(errors="replace").replace("\r", ""))

    threading.Thread(target=listen, daemon=True).start()
    try:
        line.send(b"print 40 + 1\r")
        person.wait(r"= 41$")
        person.wait(r"^kdebug> ")
        gdb.tell(f"target remote {path}", r"Remote debugging using")
        gdb.tell("continue", r"Continuing\.$")
        person.wait(r"^PASS churn .*$")  # the log
        gdb.interrupt(r"received signal SIGINT")
        gdb.tell("monitor threads", r" 1  \w+ .*\binit\b.*$")
        gdb.tell("continue", r"Continuing\.$")
        person.wait(r"^init: all done: 2 passed, 0 failed$")
        gdb.interrupt(r"received signal SIGINT")
        gdb.tell("detach", r"\[Inferior 1 \(process 1\) detached\]")
        person.wait(GONE)
        line.send(b"print 40 + 3\r")
        person.wait(r"= 43$")
        person.wait(r"^kdebug> ")
        line.send(b"continue\r")
        person.wait(r"^kdebug: resume$")
        gdb.tell(f"target remote {path}", r"Remote debugging using")  # the machine runs: it is stopped for gdb
        gdb.tell("monitor print 40 + 4", r"= 44$")
        gdb.tell("detach", r"\[Inferior 1 \(process 1\) detached\]")
        person.wait(GONE)
        line.send(b"print 40 + 5\r")
        person.wait(r"= 45$")
    finally:
        gdb.end()
        line.close()


def find_servers(client: GdbClient) -> list[str]:
    """Those of ipcload: threads of two processes of one program."""
    while True:
        client.monitor("gdb processes on")  # those that are there now
        servers = [row.id for row in client.threads() if row.name.startswith("ipc server") and row.id[:3] != "p1."]
        if len(servers) == 2:
            return servers
        client.resume()
        time.sleep(0.2)  # let them come: stopped again and again they hardly do
        client.interrupt()


def rip_of(client: GdbClient, thread: str) -> int:
    return int.from_bytes(bytes.fromhex(client.registers(thread)[16 * 16:17 * 16].decode()), "little")


def stopped_thread(answer: bytes) -> str:
    found = re.search(rb"thread:([^;]+);", answer)
    assert found, answer
    return found[1].decode()


def test_a_breakpoint_of_one_process(boot: BootFunction) -> None:
    """Two of one program: a Z0 at the same place stops the one that it was asked for, and a step is that thread's."""
    machine = boot(cpus=1, cmdline="workload=ipcload:calls=1000000000:clients=2:sizes=0w tracer=0")
    machine.expect(r"^init: ", 60)
    client = GdbClient(machine)
    machine.break_in()
    client.connect()
    servers = find_servers(client)
    place = SymbolTable.from_elf(build_folder() / "debug/user/ipcload").address_of("answer_words")
    programs = {client.document("exec-file", thread[1:].split(".")[0]) for thread in servers}
    assert programs == {b"/ipcload"}
    for thread in servers:
        client.ask(b"Hg" + thread.encode())
        assert client.ask(b"Z0,%x,1" % place) == b"OK"
        for _ in range(4):
            client.resume()
            assert stopped_thread(client.wait_stop()) == thread
            assert rip_of(client, thread) == place
        client.resume(f"vCont;s:{thread};c".encode())
        assert stopped_thread(client.wait_stop()) == thread
        assert 0 < rip_of(client, thread) - place < 16
        client.ask(b"Hg" + thread.encode())
        assert client.ask(b"z0,%x,1" % place) == b"OK"
    client.resume(b"R00")  # no answer, but another boot
    assert machine.wait_exit(30) == "guest-reset"
