#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the table of source lines that kdebug finds in its own image.

    lines.py KERNEL.elf OUT.bin     write the table (format: kdebug/core/lines.h)

Rows come from readelf, which decodes DWARF's. At each address the last row counts; rows that say what the one before
says are left out. A table lies behind everything else in the image, so that what it tells of has not moved.
"""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

MAGIC = 0x4E494C4B
VERSION = 1
HEADER = struct.Struct("<6I")
CHUNK = struct.Struct("<IIHH")
CHUNK_ROWS = 64
LINE_MAX = 0xFFFF
KERNEL_IMAGE_BASE = 0xFFFFFFFF80000000

FILE = re.compile(r"^(?:CU: )?(\S+):$")
ROW = re.compile(r"^\S+ +(\d+|-) +0x([0-9a-f]+)")
NOWHERE = ("", 0)
Row = tuple[int, str, int]  # offset, file, line; ("", 0): no source from here on


def parse_readelf(text: str) -> list[Row]:
    """Rows of the image by rising offset, each different from the one before."""
    at: dict[int, tuple[str, int]] = {}
    ends: set[int] = set()
    file = ""
    for line in text.splitlines():
        named, row = FILE.match(line), ROW.match(line)
        if named:
            file = named[1].removeprefix("./")
        elif row:
            offset = int(row[2], 16) - KERNEL_IMAGE_BASE
            if not 0 <= offset <= 0xFFFFFFFF:
                continue  # discarded by the linker
            if row[1] == "-":
                ends.add(offset)
            else:
                at[offset] = (file, min(int(row[1]), LINE_MAX))
    for offset in ends:
        at.setdefault(offset, NOWHERE)
    rows: list[Row] = []
    for offset, place in sorted(at.items()):
        if (rows[-1][1:] if rows else NOWHERE) != place:
            rows.append((offset, *place))
    return rows


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def build_table(rows: list[Row]) -> bytes:
    files = sorted({file for _, file, _ in rows} | {""})
    number = {file: index for index, file in enumerate(files)}
    names, starts = b"", []
    for file in files:
        starts.append(len(names))
        names += file.encode() + b"\0"
    chunks, body = b"", b""
    for index, (offset, file, line) in enumerate(rows):
        if index % CHUNK_ROWS == 0:
            chunks += CHUNK.pack(offset, len(body), number[file], line)
            continue
        before, old_file, old_line = rows[index - 1]
        changes = file != old_file
        body += varint((offset - before) << 1 | changes)
        body += varint(number[file]) if changes else b""
        body += varint(zigzag(line - old_line))
    names += bytes(-len(names) % 4)
    return HEADER.pack(MAGIC, VERSION, len(rows), len(files), len(names), len(body)) + chunks + \
        struct.pack(f"<{len(starts)}I", *starts) + names + body


def main(argv: list[str]) -> int:
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    readelf = os.environ.get("READELF", "readelf")
    result = subprocess.run([readelf, "--debug-dump=decodedline", "-W", argv[0]], capture_output=True, text=True)
    if result.returncode != 0:
        print(f"lines.py: {readelf} {argv[0]}: {result.stderr.strip()}", file=sys.stderr)
        return 1
    Path(argv[1]).write_bytes(build_table(parse_readelf(result.stdout)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
