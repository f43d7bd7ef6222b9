# SPDX-License-Identifier: MIT
"""
Reading what kdebug's `trace dump` prints: binary data as base64 lines between two marks (kdebug/core/armour.h).

    === spoor dump begin
    U1BCSwEA...                          76 digits, 57 bytes a line
    === spoor dump end 123456 89abcdef   bytes and CRC-32C of them

A line that suffered on the way (wrong digits, wrong length) becomes 57 zero bytes: the block it belongs to then fails
its own checksum, and every other block stays where it was and is read.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

BEGIN = "=== spoor dump begin"
END = re.compile(r"=== spoor dump end (\d+) ([0-9a-f]{8})")
LINE_DIGITS = 76
LINE_BYTES = LINE_DIGITS // 4 * 3
CRC32C_POLYNOMIAL = 0x82F63B78  # Castagnoli, reflected


@dataclass(frozen=True)
class Dump:
    """One dump: the bytes, and what is wrong with them ('' nothing)."""

    data: bytes
    damaged_lines: int
    trouble: str


def find_dumps(text: str) -> list[Dump]:
    """All dumps in the text of a serial line, a last one without its end included."""
    dumps = []
    pieces = text.replace("\r", "").split(BEGIN)[1:]
    for piece in pieces:
        end = END.search(piece)
        lines = piece[:end.start() if end else len(piece)].split("\n")
        # The first is the rest of the begin mark's line; without an end mark the last line is cut, too.
        dumps.append(_decode([line.strip() for line in lines[1:] if line.strip()], end))
    return dumps


def _decode(lines: list[str], end: re.Match[str] | None) -> Dump:
    data = bytearray()
    damaged, first = 0, 0
    for number, line in enumerate(lines, 1):
        piece = _decode_line(line, number == len(lines))
        if piece is None:
            damaged, first = damaged + 1, first or number
        data += bytes(LINE_BYTES) if piece is None else piece
    trouble = ""
    if end is None:
        trouble = "it was cut off: its end mark is missing"
    elif damaged:
        trouble = f"{damaged} damaged lines, the first is number {first} of the dump"
    elif len(data) != int(end.group(1)):
        trouble = f"it should have {end.group(1)} bytes and has {len(data)}: lines were lost"
    elif crc32c(data) != int(end.group(2), 16):
        trouble = "its checksum is wrong"
    return Dump(bytes(data), damaged, trouble)


def _decode_line(line: str, is_last: bool) -> bytes | None:
    """The bytes of a line, None if it cannot be right."""
    if len(line) != LINE_DIGITS and not is_last:
        return None
    try:
        return base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        return None


def crc32c(data: bytes | bytearray, crc: int = 0) -> int:
    """CRC-32C (Castagnoli) of some bytes, going on from that of the bytes before."""
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _make_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (CRC32C_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _make_table()
