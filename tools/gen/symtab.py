#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the symbol table that kdebug finds in its own image.

    symtab.py KERNEL.elf OUT.bin     write the table (format: kdebug/core/symbols.h)
    symtab.py --list TABLE.bin       print one, as "address kind name" lines

Symbols come from nm. A table's size depends on the names only, so it can be linked behind everything else without a
third link.
"""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

MAGIC = 0x4D59534B
VERSION = 1
HEADER = struct.Struct("<4I")
KERNEL_IMAGE_BASE = 0xFFFFFFFF80000000

# nm's letter -> what kdebug shows. Others (absolute, undefined, debug) are no addresses of the image.
KINDS = {"t": "T", "w": "T", "i": "T", "r": "R", "d": "D", "v": "D", "g": "D", "b": "B", "s": "B", "n": "R"}

# Marks at the start or end of a section often share an address with something that has a better name.
MARK = re.compile(r"(_start|_end|_begin|_limit)$|^__|^\.")
SKIPPED = re.compile(r"^(\.L|\$|L\d)")


@dataclass(frozen=True)
class Symbol:
    offset: int
    kind: str
    name: str

    def rank(self) -> tuple[int, bool, bool, str]:
        """Sort key: by address, and at one address the name that should be shown last."""
        return (self.offset, MARK.search(self.name) is None, self.kind == "T", self.name)


def parse_nm(text: str) -> list[Symbol]:
    """Symbols of the image from the output of nm."""
    found = []
    for line in text.splitlines():
        parts = line.split(maxsplit=2)
        if len(parts) != 3 or len(parts[1]) != 1:
            continue
        address, letter, name = int(parts[0], 16), parts[1], parts[2]
        kind = KINDS.get(letter.lower())
        offset = address - KERNEL_IMAGE_BASE
        if kind is None or not 0 <= offset <= 0xFFFFFFFF or SKIPPED.search(name):
            continue
        found.append(Symbol(offset, kind, name))
    return sorted(set(found), key=Symbol.rank)


def build_table(symbols: list[Symbol]) -> bytes:
    """The table, as bytes. Empty without symbols."""
    if not symbols:
        return b""
    names = bytearray()
    starts = []
    for symbol in symbols:
        starts.append(len(names))
        names += symbol.kind.encode() + symbol.name.encode("ascii", "replace") + b"\0"
    while len(names) % 4:
        names += b"\0"
    by_name = sorted(range(len(symbols)), key=lambda i: (symbols[i].name.encode("ascii", "replace"), i))
    count = len(symbols)
    return b"".join((
        HEADER.pack(MAGIC, VERSION, count, len(names)),
        struct.pack(f"<{count}I", *(symbol.offset for symbol in symbols)),
        struct.pack(f"<{count}I", *starts),
        struct.pack(f"<{count}I", *by_name),
        bytes(names),
    ))


def read_table(data: bytes) -> list[Symbol]:
    """The reverse of build_table(). ValueError: it is no table."""
    if not data:
        return []
    magic, version, count, names_bytes = HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION or len(data) < HEADER.size + 12 * count + names_bytes:
        raise ValueError("not a symbol table")
    offsets = struct.unpack_from(f"<{count}I", data, HEADER.size)
    starts = struct.unpack_from(f"<{count}I", data, HEADER.size + 4 * count)
    base = HEADER.size + 12 * count
    symbols = []
    for offset, start in zip(offsets, starts):
        end = data.index(b"\0", base + start)
        text = data[base + start:end].decode("ascii")
        symbols.append(Symbol(offset, text[0], text[1:]))
    return symbols


def main(argv: list[str]) -> int:
    if len(argv) == 2 and argv[0] == "--list":
        for symbol in read_table(Path(argv[1]).read_bytes()):
            print(f"{KERNEL_IMAGE_BASE + symbol.offset:016x} {symbol.kind} {symbol.name}")
        return 0
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    nm = os.environ.get("NM", "nm")
    result = subprocess.run([nm, argv[0]], capture_output=True, text=True)
    if result.returncode != 0:
        print(f"symtab.py: {nm} {argv[0]}: {result.stderr.strip()}", file=sys.stderr)
        return 1
    Path(argv[1]).write_bytes(build_table(parse_nm(result.stdout)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
