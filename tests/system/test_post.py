# SPDX-License-Identifier: MIT
"""kdebug on three targets: the live machine, a core file of QEMU's, the memory it has sent over the serial line."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import make_config

from qemu import paths
from qemu.core import Dump
from qemu.snapshot import machine_from_firmware
from qemu.symbols import SymbolTable
from spoorlib import memory_dump

pytestmark = pytest.mark.xdist_group("post")

IMAGE = paths.kernel_elf().parent / "boot.img"
DUMP_SECONDS = 1200  # the memory takes one; a host with other work has needed more than four minutes
MARK = "==== next"
TRIES = 200
OWN_PAGES = 60  # of kdebug itself: it goes on printing between the two dumps

# Types and variables of a user program.
PROGRAM_COMMANDS = ["context init", "print workloads[0]", "print workloads[0].args[0]", "type workload", "dis main 3",
                    "print sizeof(struct workload) workload_count", "array workloads 2 | print .name .waiter",
                    "print *workloads[0].waiter.entry", "type -part manifest", "context off", "type wait"]
# Every command that can look at a dead machine, with what it flows into.
COMMANDS = [
    "version", "cpus", "cpus | regs", "cpu 1", "regs", "bt", "cpu 0", "bt all",
    "bt args all", "threads | bt args", "dis", "dis kernel_main 20",
    "threads", "threads | bt", "threads ! grep ipc", "thread 1", "threads | where .run == BLOCKED | sort .tid | count",
    "processes", "processes | process", "processes | handles", "processes | space", "processes | threads ! tail 3",
    "mailboxes", "mailboxes | mailbox", "waits", "detours", "runq", "times", "interrupts", "locks", "locks held",
    "locks order", "mem", "heap", "frame 0x100000", "objects", "pager", "check sched process object ipc irq trace",
    "walk kernel &cpus", "read &cpus 64", "read 0xa0000 16 /p", "read kernel_main 32 /w", "sym kernel_main",
    "print cpus[1]", "print *cpus[0].current", "list process_list process all_link | print .name .root",
    "array run_queues 2 | print .ready", "type thread", "set $a = 5; print $a * 2",
    "deadlock", "why 1", "threads | why", "events", "futexes", "timers", "whose cpus", "whose %rsp",
    "control", "control 1", "gdt", "idt", "print main", *PROGRAM_COMMANDS,
    "trace status", "trace last 60", "trace last 9 where event is sched or current != 0",
    "trace events", "trace filter", "trace count", "trace user", "log 30",
    "report threads", "threads ! z", "help", "nonsense", "print 1 +",
]
# What a dead machine does not do, and says so.
REFUSED = {
    "continue": "needs a live machine", "step": "needs a live machine", "break kernel_main": "is dead",
    "write &cpus 1": "changes the machine, and this one is dead",
    "set %rax = 1": "nothing can be changed in a dead machine",
    "trace off sched": "nothing can be changed in a dead machine", "profile": "needs a live machine",
    "self": "needs a live machine", "poweroff": "needs a live machine",
}


@dataclass(frozen=True)
class Dead:
    """One stop: what the prompt said, and the two files."""

    said: dict[str, str]
    core: Path
    sent: Path
    differing: int  # pages


def user_frames(text: str) -> list[tuple[str, int, bool, str]]:
    """Program, address, is a thread just there (else it returns there), symbol: all that 'threads | bt' names."""
    frames = []
    for thread in text.split("\nthread "):
        process = re.search(r"of (\w+)", thread)
        program = process[1] if process and process[1] in ("init", "tracer") else "ipcload"
        found = re.findall(r"^ +(0{10}\w{6})  (user code.*: )?(\w+)(?:\+\w+)?$", thread, re.MULTILINE)
        for address, first, name in found:
            frames.append((program, int(address, 16), bool(first), name))
    return frames


def ask_file(file: Path, lines: list[str]) -> dict[str, str]:
    """What spoor-post prints for each line."""
    arguments = [word for line in lines for word in ("-c", line, "-c", f"echo {MARK}")]
    command = [paths.post_tool(), "-k", paths.kernel_elf(), "-i", IMAGE, *arguments, file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert not done.stderr, done.stderr
    return dict(zip(lines, done.stdout.split(MARK + "\n"), strict=False))


@pytest.fixture(scope="module")
def dead(tmp_path_factory: pytest.TempPathFactory) -> Dead:
    folder = tmp_path_factory.mktemp("dead")
    core, sent = folder / "qemu.core", folder / "sent.core"
    config = make_config("test_post", {"cpus": 2, "cmdline": "workload=ipcload:calls=100000000 trace_size=4M"})
    with machine_from_firmware(config) as machine:
        machine.expect("tracer: capturing", 60)
        kdebug = machine.break_in()
        for _ in range(TRIES):
            if any(program == "ipcload" for program, *_ in user_frames(kdebug.command("threads | bt"))):
                break
            kdebug.resume()  # the load has not begun
            kdebug = machine.break_in()
        said = {line: kdebug.command(line) for line in COMMANDS}
        machine.save_core(core)
        dump = memory_dump.fetch(lambda line: kdebug.command(line, DUMP_SECONDS))
    dump.write(sent)
    with core.open("rb") as file:
        memory = Dump(file)
        differing = sum(page.content() != memory.read_physical(page.frame * 4096, 4096) for page in dump.pages.values())
    return Dead(said, core, sent, differing)


@pytest.mark.parametrize("target", ["core", "sent"])
def test_a_dead_machine_says_what_the_live_one_said(dead: Dead, target: str) -> None:
    assert ask_file(getattr(dead, target), COMMANDS) == dead.said


@pytest.mark.parametrize("target", ["core", "sent"])
def test_what_needs_a_live_machine_says_so(dead: Dead, target: str) -> None:
    for line, answer in ask_file(getattr(dead, target), list(REFUSED)).items():
        assert REFUSED[line] in answer, line


def test_what_was_sent_is_what_was_there(dead: Dead) -> None:
    assert dead.differing < OWN_PAGES


def test_the_command_opens_the_prompt(dead: Dead) -> None:
    spoor = [paths.ROOT / "tools" / "spoor", "post", dead.sent]
    done = subprocess.run([*spoor, "-c", "threads"], capture_output=True, text=True, timeout=60)
    assert done.stdout == dead.said["threads"]
    done = subprocess.run([*spoor, "--prompt"], input="threads\rcontinue\r", capture_output=True, text=True, timeout=60)
    assert done.stdout.count("kdebug> ") >= 3 and dead.said["threads"] in done.stdout
    assert "needs a live machine" in done.stdout


def test_user_frames_have_the_names_of_their_programs(dead: Dead) -> None:
    """Threads of init and tracer run the files of these names, the others ipcload."""
    names, seen = {}, Counter[str]()
    for program in ("init", "tracer", "ipcload"):
        names[program] = SymbolTable.from_elf(paths.kernel_elf().parent / "user" / program)
    for program, address, first, name in user_frames(dead.said["threads | bt"]):
        # A return address belongs to the call before it.
        seen[program] += 1
        assert (names[program].name_of(address - (not first)) or "").split("+")[0] == name, (program, hex(address))
    # The tracer may have been met where it has no frame of its own: it is the one that works all the time.
    assert {"init", "ipcload"} <= set(seen), seen


def test_another_kernel_is_refused(dead: Dead, tmp_path: Path) -> None:
    other = tmp_path / "kernel.elf"
    data = bytearray(paths.kernel_elf().read_bytes())
    identity = data.index(b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0") + 16
    data[identity] ^= 1
    other.write_bytes(data)
    files = {other: "not the kernel that ran", tmp_path: "cannot be read", dead.core: "not the kernel that ran"}
    for file, words in files.items():
        done = subprocess.run([paths.post_tool(), "-k", file, "-c", "cpus", dead.sent], capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 1 and words in done.stderr, done.stderr
