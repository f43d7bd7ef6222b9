# SPDX-License-Identifier: MIT
"""
gdb's `info threads` of 500 threads: how often it goes wrong, and what it and reading memory take on the line.

One of `info threads` is what gdb 13 asks for it: the list with names and states, and the registers of threads that
it does not remember from before. Most are asked without gdb, by packets (a gdb needs minutes for as many); the last
ones by a real one. What counts as an error: silence, a damaged packet, a refusal, a thread that is missing or there
twice, one that nobody has started, a core without what it runs, registers of a wrong length, or of a thread of the
crowd that does not stand in the kernel's code.

Lengths in bytes, both ways, are what the line has to carry, so that their time at any speed is known and the host's is
not asked: gdb and the stub take turns, so at 115,200 Bd it is bytes / 11,520 s.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from pathlib import Path

from qemu.config import MachineConfig
from qemu.gdb_client import GdbClient, GdbFailure, ThreadRow
from qemu.machine import Machine
from qemu.snapshot import machine_from_firmware
from qemu.symbols import SymbolTable
from spoorlib.console import Progress, UserError

from debugger import SECONDS, Line, run_gdb
from figures import Figure

THREADS = 500
# On so many cores, so often. Those that stand still spin, and take the host's from the one that answers.
ROUNDS = {2: 100, 1: 880}
BY_GDB = 20             # after the last of them
REGISTERS_OF = 12       # threads in each of the others: all of them in 42
RESUME_EVERY = 20       # rounds: the machine goes on, and is stopped again
PLAIN_EVERY = 10        # rounds: the list as an older gdb asks for it, too
HERE = "== info threads"
FUNCTION = r" *(?:0x\w+ in )?\w+ \("
RIP = slice(16 * 16, 17 * 16)
MIB = 1 << 20
DIRECT_MAP = 0xffff800000000000
NAMES = frozenset(f"crowd/stand {number}" for number in range(THREADS))


def check_list(rows: list[ThreadRow], cores: int) -> list[str]:
    """What is wrong with a list of threads."""
    wrong: list[str] = []
    ids, names = Counter(row.id for row in rows), Counter(row.name for row in rows)
    wrong += [f"{id} is there {count} times" for id, count in ids.items() if count != 1]
    wrong += [f"{name} is missing" for name in NAMES - names.keys()]
    wrong += [f"{name} is there {names[name]} times" for name in NAMES if names[name] > 1]
    wrong += [f"nobody has started {name}" for name in names if name.startswith("crowd/stand") and name not in NAMES]
    wrong += [f"{row.name} does not wait" for row in rows if row.name in NAMES and row.state != "receive"]
    running = Counter(row.core for row in rows if row.core is not None)
    if running != Counter(range(cores)):
        wrong.append(f"cores {sorted(running.elements())} run something")
    return wrong


class Asker:
    """Asks again and again, and counts the times in which something was wrong."""

    def __init__(self, machine: Machine) -> None:
        symbols = machine.symbols
        if not symbols:
            raise UserError("no symbols of the kernel")
        self.errors: list[str] = []
        self._symbols = symbols
        self._cores = machine.config.cpus
        self._next = 0
        self._client = GdbClient(machine)
        self._client.connect()
        self._length = len(self._client.registers("p1.1"))
        while not all(row.state == "receive" for row in self._client.threads() if row.name in NAMES):
            self._stop_again()  # the last ones are on their way

    def ask(self, rounds: int) -> None:
        for number in range(rounds):
            try:
                wrong = self._round(number)
            except GdbFailure as failure:
                wrong = [str(failure)]
            if wrong:
                self.errors.append(f"{number}: {'; '.join(wrong[:3])}")

    def leave(self) -> None:
        self._client.ask(b"D;1")
        self._client.close()

    def _stop_again(self) -> None:
        self._client.resume()
        self._client.interrupt()

    def _round(self, number: int) -> list[str]:
        if number % RESUME_EVERY == RESUME_EVERY - 1:
            self._stop_again()
        rows = self._client.threads()
        wrong = check_list(rows, self._cores)
        if number % PLAIN_EVERY == 0 and sorted(self._client.plain_threads()) != sorted(row.id for row in rows):
            wrong.append("the plain list is another one")
        for _ in range(min(REGISTERS_OF, len(rows))):
            self._next = (self._next + 1) % len(rows)
            wrong += self._check_registers(rows[self._next])
        return wrong

    def _check_registers(self, row: ThreadRow) -> list[str]:
        registers = self._client.registers(row.id)
        if len(registers) != self._length:
            return [f"{row.id} has {len(registers)} digits of registers"]
        rip = int.from_bytes(bytes.fromhex(registers[RIP].decode()), "little")
        if row.name in NAMES and not is_code(self._symbols, rip):
            return [f"{row.id} stands at {rip:#x}"]
        return []


def is_code(symbols: SymbolTable, address: int) -> bool:
    start, end = (int(symbols.address_of(f"kernel_text_{side}")) for side in ("start", "end"))
    return start <= address < end


def check_said(said: str) -> list[str]:
    """What is wrong with what gdb has printed for 'info threads'."""
    rows = re.findall(r'^[* ] [\d ]+Thread \S+ "([^"]*)" \((.*?)\) (.*)$', said, re.MULTILINE)
    names = Counter(name for name, _, _ in rows)
    wrong = [f"{name} is there {names[name]} times" for name in NAMES if names[name] != 1]
    wrong += [f"{name} stands at {place}" for name, _, place in rows if name in NAMES and not re.match(FUNCTION, place)]
    return wrong + re.findall(r"(?i).*\b(?:error|warning|cannot|failed|timed out)\b.*", said)


def bytes_between(line: Line) -> list[int]:
    """On the line, both ways, between two marks and the next ones, without the marks."""
    mark = line.marks[1] - line.marks[0]  # the first two have nothing between them
    return [after - before - mark for before, after in zip(line.marks[1:], line.marks[2:])]


def measure_info_threads(mode: str, progress: Progress) -> dict[str, Figure]:
    errors: list[str] = []
    said: list[str] = []
    lengths: list[int] = []
    rounds = sum(ROUNDS.values()) + BY_GDB
    progress.say(f"asking {rounds} times for {THREADS} threads ...")
    for cores, count in ROUNDS.items():
        config = MachineConfig(name="bench-threads", cpus=cores, mode=mode,
                               cmdline=f"workload=crowd:threads={THREADS}:keep_ms=7200000 tracer=0")
        with machine_from_firmware(config) as machine:
            machine.expect(f"crowd: {THREADS} threads stand", SECONDS)
            machine.break_in()
            asker = Asker(machine)
            asker.ask(count)
            asker.leave()
            errors += asker.errors
            machine.wait_prompt(SECONDS)
            if cores == 1:
                said, lengths = ask_gdb(machine, mode)
    errors += [wrong for text in said for wrong in check_said(text)[:1]]
    for error in errors[:5]:
        progress.say(f"info threads: {error}")
    first, *others, memory = lengths
    efficiency = round(100 * 2 * MIB / memory, 1)
    return {"kdebug.info_threads_errors": Figure(len(errors), len(errors), f"of {rounds}"),
            "kdebug.info_threads_first_bytes": Figure(first, first, "bytes"),
            "kdebug.info_threads_bytes": Figure(min(others), max(others), "bytes"),
            "kdebug.memory_read_efficiency": Figure(efficiency, efficiency, "% of line rate / 2")}


def ask_gdb(machine: Machine, mode: str) -> tuple[list[str], list[int]]:
    """What a real gdb says each time, and what it and a MiB of the boot image's programs take on the line."""
    mark = "monitor echo mark"  # seen on the line; what gdb says is marked by itself
    with tempfile.TemporaryDirectory() as folder:
        read = f"dump binary memory {folder}/memory {DIRECT_MAP:#x}+kd_files.base {DIRECT_MAP + MIB:#x}+kd_files.base"
        asking = [command for _ in range(BY_GDB) for command in (f"echo {HERE}\\n", "info threads", mark)]
        output, line = run_gdb(machine, mode, mark, mark, *asking, read, mark, "detach")
        if Path(folder, "memory").stat().st_size != MIB:
            raise UserError(f"gdb has not read all:\n{output[-2000:]}")
    parts = output.split(f"{HERE}\n")[1:]
    if len(parts) != BY_GDB or len(line.marks) != BY_GDB + 3:
        raise UserError(f"gdb did not come through {BY_GDB} times 'info threads':\n{output[-2000:]}")
    return parts, bytes_between(line)
