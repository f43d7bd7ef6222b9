# SPDX-License-Identifier: MIT
"""
Text that kdebug's filter z has packed (kdebug/core/packed.h): in armour, blocks with a head and checksums each.

A block is deflated by itself, so what a damaged line costs is its block. Over a line to the machine the lines that did
not come are asked for again; in a log the place of a lost block says how much is missing.
"""

from __future__ import annotations

import re
import struct
import zlib

from qemu.checksum import crc32c

from . import armour
from .console import UserError

KIND = "packed"
MAGIC = 0x317A7053
HEAD = struct.Struct("<6I")  # magic, number, bytes of text, bytes, CRC-32C of the text, of the head so far
TEXT_BYTES = 32768           # of each block but the last
ERROR = re.compile(r"^error: (.*?)\r?$", re.MULTILINE)  # not packed: the line has not begun


class PackedText:
    """What a dump holds: pieces of the text by number."""

    def __init__(self, dump: armour.Dump) -> None:
        self.pieces: dict[int, str] = {}
        self.trouble = dump.trouble
        self._count = 0
        data = dump.data
        at = data.find(struct.pack("<I", MAGIC))
        while 0 <= at <= len(data) - HEAD.size:
            head = data[at:at + HEAD.size]
            _, number, text_bytes, count, crc, head_crc = HEAD.unpack(head)
            step = 1
            if crc32c(head[:-4]) == head_crc:
                step = HEAD.size + count
                self._take(number, text_bytes, crc, data[at + HEAD.size:at + step])
            at = data.find(struct.pack("<I", MAGIC), at + step)

    def _take(self, number: int, text_bytes: int, crc: int, data: bytes) -> None:
        self._count = max(self._count, number + 1)
        text = data if len(data) == text_bytes else inflate(data, text_bytes)
        if len(text) == text_bytes and crc32c(text) == crc:
            self.pieces[number] = text.decode("latin-1")

    @property
    def damaged(self) -> list[int]:
        """Numbers of blocks that have not come whole; of those at the end nobody may know."""
        return [number for number in range(self._count) if number not in self.pieces]

    @property
    def text(self) -> str:
        lost = "\n=== spoor: block {} of the packed text is damaged: " + f"up to {TEXT_BYTES} bytes are missing\n"
        return "".join(self.pieces.get(number, lost.format(number)) for number in range(self._count))


def inflate(data: bytes, most: int) -> bytes:
    """At most so many bytes and one; none: it is damaged."""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, most + 1)
    except zlib.error:
        return b""


def find_texts(text: str) -> list[PackedText]:
    return [PackedText(dump) for _, _, dump in armour.find_spans(text, KIND)]


def unpack(text: str) -> str:
    """The same, which has no CR, with what is packed in it unpacked."""
    result, at = "", 0
    for start, end, dump in armour.find_spans(text, KIND):
        result += text[at:start] + PackedText(dump).text
        at = end + text.startswith("\n", end)
    return result + text[at:]


def fetch(ask: armour.Ask, line: str) -> PackedText:
    """What a line prints at the prompt, over a line that may damage some bytes. UserError: it does not come through."""
    def checked(command: str) -> str:
        printed = ask(command)
        error = ERROR.search(printed)
        if error and "=== spoor" not in printed:
            raise UserError(f"kdebug says: {error[1]}")
        return printed

    return PackedText(armour.fetch(checked, f"{line} | z", "{first} {count}"))
