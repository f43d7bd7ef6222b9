# SPDX-License-Identifier: MIT
"""
Reading what kdebug's `trace dump` and its filter `z` print: binary data as base64 lines between two marks
(kdebug/core/armour.h). The word "dump" in these is the kind: z says "packed".

    === spoor dump begin
    0 U1BCSwEA... 89abcdef                       number of the line, 76 digits (57 bytes), CRC-32C of both
    === spoor dump end 123456 89abcdef 1234abcd  bytes and CRC-32C of them, CRC-32C of the line

A line that suffered on the way is as if it had not come. Over a line to the machine it is asked for again, as often as
it takes: the machine stands still. In a log it becomes 57 zero bytes: the block it belongs to then fails its own
checksum, and every other block stays where it was and is read.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator

from qemu.checksum import crc32c

from .console import UserError

BEGIN = re.compile(r"=== spoor (\w+) begin")
END = re.compile(r"(=== spoor \w+ end (\d+) ([0-9a-f]{8})) ([0-9a-f]{8})")
LINE = re.compile(r"^(([0-9a-f]+) ([A-Za-z0-9+/]+=*)) ([0-9a-f]{8})$", re.MULTILINE)
LINE_DIGITS = 76
LINE_BYTES = LINE_DIGITS // 4 * 3
TURNS = 80       # at one damaged byte in a hundred, four lines of ten come through each time
GAP_LINES = 16   # good lines between two missing ones that are not worth another command

Ask = Callable[[str], str]


class Dump:
    """Lines as they come, in any order and as often as they like."""

    def __init__(self, text: str = "") -> None:
        self._lines: dict[int, bytes] = {}
        self._end: tuple[int, int] | None = None  # bytes, CRC-32C
        self.feed(text)

    def feed(self, text: str) -> None:
        text = text.replace("\r", "")
        for line in LINE.finditer(text):
            if crc32c(line[1].encode()) == int(line[4], 16):
                self._take(int(line[2], 16), line[3])
        for end in END.finditer(text):
            if crc32c(end[1].encode()) == int(end[4], 16):
                self._end = int(end[2]), int(end[3], 16)

    def _take(self, number: int, digits: str) -> None:
        try:
            self._lines[number] = base64.b64decode(digits, validate=True)
        except (binascii.Error, ValueError):
            pass

    @property
    def has_end(self) -> bool:
        return self._end is not None

    def _count(self) -> int:
        """Of lines, as far as is known."""
        return -(-self._end[0] // LINE_BYTES) if self._end else 1 + max(self._lines, default=-1)

    def missing(self) -> list[int]:
        return [number for number in range(self._count()) if number not in self._lines]

    @property
    def data(self) -> bytes:
        data = b"".join(self._lines.get(number, bytes(LINE_BYTES)) for number in range(self._count()))
        return data[:self._end[0]] if self._end else data

    @property
    def trouble(self) -> str:
        """What is wrong with it, '' nothing."""
        if self._end is None:
            return "it was cut off: its end mark is missing"
        missing = self.missing()
        if missing:
            return f"{len(missing)} damaged or missing lines, the first is number {missing[0]} of the dump"
        return "" if crc32c(self.data) == self._end[1] else "its checksum is wrong"


def find_dumps(text: str) -> list[Dump]:
    """All dumps in the text of a serial line, a last one without its end included."""
    return [dump for _, _, dump in find_spans(text, "dump")]


def find_spans(text: str, kind: str) -> Iterator[tuple[int, int, Dump]]:
    """Where each of a kind begins and ends: with its end mark, or, cut off, where another begins or the text ends."""
    marks = list(BEGIN.finditer(text))
    for mark, following in zip(marks, [*(mark.start() for mark in marks[1:]), len(text)]):
        if mark[1] == kind:
            end = END.search(text, mark.end(), following)
            stop = end.end() if end else following
            yield mark.start(), stop, Dump(text[mark.end():stop])


def fetch(ask: Ask, command: str, again: str = "lines {first:#x} {count:#x}") -> Dump:
    """
    A whole dump, over a line that may damage some bytes.

    ask    runs a command at the prompt and returns what it printed
    again  put behind the command to have some lines of it only
    UserError: it does not come through.
    """
    dump = Dump(ask(command))
    for _ in range(TURNS):
        if dump.has_end and not dump.missing():
            return dump
        for first, count in _spans(dump.missing()) if dump.has_end else [(0, 0)]:
            dump.feed(ask(f"{command} {again.format(first=first, count=count)}"))
    raise UserError("the dump does not come through: is the line that bad?")


def _spans(numbers: list[int]) -> list[tuple[int, int]]:
    """(first, count): lines to ask for, some between two that are missing included."""
    spans: list[tuple[int, int]] = []
    for number in numbers:
        first = spans[-1][0] if spans and number - sum(spans[-1]) < GAP_LINES else number
        if first != number:
            spans.pop()
        spans.append((first, number - first + 1))
    return spans
