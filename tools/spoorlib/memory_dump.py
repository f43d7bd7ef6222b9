# SPDX-License-Identifier: MIT
"""
The memory of a stopped machine, as kdebug's `dump` sends it (kdebug/cmd/dump.c), into a core file.

Each line names its pages by number and has a checksum. A line that came damaged is as if it had not come; what is
missing at the end is asked for again by number, as often as it takes: the machine stands still. The core file has no
registers: they are in memory, where kdebug has put them; a note "SPOOR" says where the page tables are.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qemu.checksum import crc32c
from qemu.core import EHDR, NOTE, PHDR, PT_LOAD, PT_NOTE

from .console import UserError

PAGE_BYTES = 4096
VERSION = "1"
TURNS = 50
LINE = re.compile(r"^(=m ([bzlre])((?: [0-9A-Za-z+/=]+)+)) ([0-9a-f]{8})$", re.MULTILINE)
NOTE_NAME = b"SPOOR\0"
REPEAT_MIN = 4  # see kdebug/core/pack.h

Ask = Callable[[str], str]


@dataclass(frozen=True)
class Page:
    """What a line says of one page; kind: z zeros, l packed, r as it is."""

    frame: int
    kind: str = "z"
    data: bytes = b""

    def content(self) -> bytes:
        if self.kind == "z":
            return bytes(PAGE_BYTES)
        return unpack(self.data) if self.kind == "l" else self.data


class MemoryDump:
    """Pages as they come, in any order and as often as they like."""

    def __init__(self) -> None:
        self.pages: dict[int, Page] = {}
        self.root: int | None = None
        self.total: int | None = None
        self.damaged = 0

    def feed(self, text: str) -> None:
        """Take what was printed for `dump`. UserError: it is a format of another time."""
        text = text.replace("\r", "")
        for match in LINE.finditer(text):
            if crc32c(match[1].encode()) == int(match[4], 16):
                self._take(match[2], match[3].split())
        self.damaged += text.count("=m ") - len(LINE.findall(text))

    def _take(self, kind: str, words: list[str]) -> None:
        if kind == "b":
            if words[0] != VERSION:
                raise UserError(f"this is version {words[0]} of the dump's format; this command knows {VERSION}")
            self.root = int(words[1], 16)
        elif kind == "e":
            self.total = int(words[0], 16)
        elif kind == "z":
            first, frame, count = (int(word, 16) for word in words)
            self.pages |= {first + i: Page(frame + i) for i in range(count)}
        else:
            self.pages[int(words[0], 16)] = Page(int(words[1], 16), kind, base64.b64decode(words[2]))

    def missing(self) -> Iterator[tuple[int, int]]:
        """(first, count) of the pages that have not come. The end must have come."""
        start: int | None = None
        for number in range((self.total or 0) + 1):
            has = number in self.pages or number == self.total
            if has and start is not None:
                yield start, number - start
                start = None
            elif not has and start is None:
                start = number

    def write(self, target: Path) -> None:
        """As a core file; pages of zeros are holes in it."""
        runs = _runs({page.frame: page for page in self.pages.values()})
        note = NOTE.pack(len(NOTE_NAME), 8, 0) + NOTE_NAME.ljust(8, b"\0") + struct.pack("<Q", self.root or 0)
        start = EHDR.size + (1 + len(runs)) * PHDR.size
        place = -(-(start + len(note)) // PAGE_BYTES) * PAGE_BYTES
        with target.open("wb") as file:
            file.write(EHDR.pack(b"\x7fELF\x02\x01\x01" + bytes(9), 4, 62, 1, 0, EHDR.size, 0, 0, EHDR.size, PHDR.size,
                                 1 + len(runs), 0, 0, 0))
            file.write(PHDR.pack(PT_NOTE, 0, start, 0, 0, len(note), len(note), 0))
            for run in runs:
                count = len(run) * PAGE_BYTES
                file.write(PHDR.pack(PT_LOAD, 7, place, 0, run[0].frame * PAGE_BYTES, count, count, 0))
                place += count
            file.write(note)
            file.truncate(place)
            place -= sum(map(len, runs)) * PAGE_BYTES
            for page in (page for run in runs for page in run):
                if page.kind != "z":
                    file.seek(place)
                    file.write(page.content())
                place += PAGE_BYTES


def _runs(pages: dict[int, Page]) -> list[list[Page]]:
    """Pages by address, neighbours together."""
    runs: list[list[Page]] = []
    for frame in sorted(pages):
        if runs and runs[-1][-1].frame + 1 == frame:
            runs[-1].append(pages[frame])
        else:
            runs.append([pages[frame]])
    return runs


def unpack(data: bytes) -> bytes:
    """The reverse of kd_pack() (kdebug/core/pack.h). ValueError: it cannot be that."""
    result = bytearray()
    at = 0

    def more(number: int) -> int:
        nonlocal at
        while number >= 15:
            number += data[at]
            at += 1
            if data[at - 1] != 255:
                break
        return number

    try:
        while at < len(data):
            head = data[at]
            at += 1
            plain = more(head >> 4)
            result += data[at:at + plain]
            at += plain
            if at >= len(data):
                break
            distance = data[at] | data[at + 1] << 8
            at += 2
            length = more(head & 15) + REPEAT_MIN
            if not 0 < distance <= len(result):
                raise ValueError("a repeat of what was not there")
            piece = result[-distance:]
            result += (piece * (length // distance + 1))[:length]
    except IndexError:
        raise ValueError("it is cut off") from None
    if len(result) != PAGE_BYTES:
        raise ValueError(f"{len(result)} bytes are no page")
    return bytes(result)


def fetch(ask: Ask, everything: bool = False) -> MemoryDump:
    """
    All pages, over a line that may damage some bytes.

    ask  runs a command at the prompt and returns what it printed
    UserError: it does not come through.
    """
    command = "dump all" if everything else "dump"
    dump = MemoryDump()
    dump.feed(ask(command))
    for _ in range(TURNS):
        if dump.total is None or dump.root is None:
            dump.feed(ask(f"{command} 0 0"))
            continue
        gaps = list(dump.missing())
        if not gaps:
            return dump
        for first, count in gaps:
            dump.feed(ask(f"{command} {first:#x} {count:#x}"))
    raise UserError("the memory does not come through: is the line that bad?")
