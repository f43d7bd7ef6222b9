#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Counts what writing a record costs, in the kernel's object code.

    costs.py KERNEL.elf OUT.bin     write the table: rows of struct trace_cost (trace/ring/cost.h) by event id
    costs.py --list KERNEL.elf      print each site: instructions, event id, where it is

Emitters run straight through (the rule code-emitter proves it), so the number of instructions of a site's block is
known when the kernel is built, and recording needs to count nothing. A site costs its jump, then the longest way from
its block through the writer to the jump back. Ways that lead into a slow function (a sub-buffer is full, the event has
a hook) are not the fast path and do not count. An event with several sites gets the dearest: an upper bound.

What a string adds is copied by `rep movsq`, one instruction for each word: the table's second number.
"""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lint"))
from elf import Elf  # noqa: E402

EVENTS_MAX = 512
SITE = struct.Struct("<4Q")  # struct trace_site: address, on, hooked, event
COST = struct.Struct("<2H")  # struct trace_cost
MEASURED = "measure_"        # sites of kernel/init/selfbench.c, which nobody passes in earnest

INSTRUCTION = re.compile(r"\s*([0-9a-f]+):\s+(.*?)\s*(?:#.*)?$")
HEAD = re.compile(r"([0-9a-f]+) <([^>]+)>:$")
TARGET = re.compile(r"(call|j\w+)\s+([0-9a-f]+) <([^>+]+)(\+0x[0-9a-f]+)?>")
COMMIT = re.compile(r"add[q]?\s+\S+,(?:0x0)?\((%\w+)\)$")  # trace_publish(): the lane's position, its first word
WRITERS = re.compile(r"(trace_write_\d|trace_emit_\w+|memcpy)$")


class CostError(Exception):
    """A site whose cost cannot be counted."""


@dataclass(frozen=True)
class Way:
    """The longest way found: instructions, and how many of them come again with each word of a string."""
    instructions: int
    per_word: int = 0

    def rank(self) -> tuple[int, int]:
        """Of two ways, what copies by words is the way of all but the shortest strings."""
        return (self.per_word, self.instructions)


def join(*parts: Way | None) -> Way | None:
    """One behind the other; None if one of them is no way."""
    found = [part for part in parts if part]
    total = Way(sum(part.instructions for part in found), sum(part.per_word for part in found))
    return total if len(found) == len(parts) else None


@dataclass(frozen=True)
class Site:
    address: int
    event: int
    function: str
    cost: Way


class Code:
    """The kernel's instructions by address."""

    def __init__(self, listing: str) -> None:
        self.text: dict[int, str] = {}
        self.next: dict[int, int] = {}
        self.function: dict[int, str] = {}
        self.ways: dict[int, Way | None] = {}
        name, before = "", 0
        for line in listing.splitlines():
            if head := HEAD.match(line):
                name = head[2]
            elif match := INSTRUCTION.match(line):
                address = int(match[1], 16)
                self.text[address] = match[2]
                self.function[address] = name
                self.next[before] = address
                before = address

    def through(self, entry: int) -> Way | None:
        """The longest fast way through a function, its return included."""
        if entry not in self.ways:
            self.ways[entry] = Walk(self, is_block=False).longest(entry)
        return self.ways[entry]


class Walk:
    """From where a site's block or a function begins to where the record is written and nothing more is done for it."""

    def __init__(self, code: Code, is_block: bool) -> None:
        self.code = code
        self.is_block = is_block
        self.passed: set[int] = set()

    def longest(self, address: int | None, committed: bool = False) -> Way | None:
        """The longest way from an instruction on; None: it is not on the fast path."""
        if address is None or address in self.passed or address not in self.code.text:
            return None
        self.passed.add(address)
        way = self.pass_instruction(address, self.code.text[address], committed)
        self.passed.discard(address)
        return way

    def pass_instruction(self, address: int, text: str, committed: bool) -> Way | None:
        one, following = Way(1, int(text.startswith("rep movsq"))), self.code.next.get(address)
        is_behind = self.is_block and committed
        if text.startswith("ret"):
            return Way(0) if self.is_block else one
        jump = TARGET.match(text)
        if jump is None:
            if is_behind and text.startswith(("pop", "leave")):
                return Way(0)  # the function's own end, copied here
            return join(one, self.longest(following, committed or bool(COMMIT.match(text))))
        if is_behind:
            return Way(int(jump[1] == "jmp"))  # back; or the function goes on with a call or a decision of its own
        target, is_writer = int(jump[2], 16), jump[4] is None and bool(WRITERS.match(jump[3]))
        if jump[1] == "call":
            if not is_writer:
                return None
            return join(one, self.code.through(target), self.longest(following, committed or jump[3] != "memcpy"))
        if jump[1] == "jmp":
            return join(one, self.code.through(target) if is_writer else self.longest(target, committed))
        ways = [way for to in (target, following) if (way := join(one, self.longest(to, committed)))]
        return max(ways, key=Way.rank) if ways else None


def read_sites(elf: Elf) -> list[tuple[int, int, int]]:
    """Address, target while on, and event of each site that records one."""
    marks = {symbol.name: symbol.address for symbol in elf.symbols()}
    rows = elf.read(marks["trace_sites_start"], marks["trace_sites_end"] - marks["trace_sites_start"])
    return [(site, on, event) for site, on, _, event in SITE.iter_unpack(rows) if event < EVENTS_MAX - 1]


def count_sites(elf: Elf, listing: str) -> list[Site]:
    code = Code(listing)
    sites = []
    for address, on, event in read_sites(elf):
        function = code.function.get(address, "?")
        cost = join(Way(1), Walk(code, is_block=True).longest(on))
        if cost is None:
            raise CostError(f"event {event} in {function}: no straight way from {on:#x} to the commit")
        sites.append(Site(address, event, function, cost))
    return sites


def build_table(sites: list[Site]) -> bytes:
    """The dearest site of each event; 0: it has none."""
    worst: dict[int, Way] = {}
    for site in sites:
        if not site.function.startswith(MEASURED):
            other = worst.get(site.event, Way(0))
            worst[site.event] = max(other, site.cost, key=Way.rank)
    count = max(worst, default=-1) + 1
    rows = (worst.get(event, Way(0)) for event in range(count))
    return b"".join(COST.pack(row.instructions, row.per_word) for row in rows)


def main(argv: list[str]) -> int:
    is_list = argv[:1] == ["--list"]
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    path = Path(argv[1] if is_list else argv[0])
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-w", str(path)], check=True, capture_output=True,
                             text=True).stdout
    try:
        sites = count_sites(Elf(path), listing)
    except CostError as error:
        print(f"costs.py: {path}: {error}", file=sys.stderr)
        return 1
    if is_list:
        for site in sites:
            print(f"{site.cost.instructions:4} {site.cost.per_word:2} {site.event:4} {site.address:#x} {site.function}")
    else:
        Path(argv[1]).write_bytes(build_table(sites))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
