# SPDX-License-Identifier: MIT
"""Just enough of ELF64 for the object-code rules: sections, segments, symbols, bytes at an address."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
PF_X, PF_W = 1, 2
PT_LOAD = 1
SHT_SYMTAB, SHT_NOBITS = 2, 8
STT_FUNC = 2


@dataclass(frozen=True)
class Section:
    name: str
    type: int
    flags: int
    address: int
    offset: int
    bytes: int
    link: int


@dataclass(frozen=True)
class Segment:
    type: int
    flags: int
    address: int
    bytes: int


@dataclass(frozen=True)
class Symbol:
    name: str
    address: int
    bytes: int
    type: int


class Elf:
    def __init__(self, path: Path) -> None:
        self.data = path.read_bytes()
        if self.data[:4] != b"\x7fELF":
            raise ValueError(f"{path} is no ELF file")
        header = struct.unpack_from("<HHIQQQIHHHHHH", self.data, 16)
        _, _, _, _, phoff, shoff, _, _, phsize, phcount, shsize, shcount, names = header
        raw = [struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + index * shsize) for index in range(shcount)]
        strings = raw[names][4] if raw else 0
        self.sections = [Section(self.string(strings + row[0]), row[1], row[2], row[3], row[4], row[5], row[6])
                         for row in raw]
        rows = [struct.unpack_from("<IIQQQQQQ", self.data, phoff + index * phsize) for index in range(phcount)]
        self.segments = [Segment(row[0], row[1], row[3], row[6]) for row in rows]

    def string(self, offset: int) -> str:
        return self.data[offset:self.data.index(b"\0", offset)].decode()

    def symbols(self) -> list[Symbol]:
        result = []
        for section in self.sections:
            if section.type == SHT_SYMTAB:
                strings = self.sections[section.link].offset
                for offset in range(section.offset, section.offset + section.bytes, 24):
                    name, info, _, _, value, size = struct.unpack_from("<IBBHQQ", self.data, offset)
                    result.append(Symbol(self.string(strings + name), value, size, info & 15))
        return result

    def read(self, address: int, count: int) -> bytes:
        """Bytes of a loaded section; empty if the address lies in none that has bytes in the file."""
        for section in self.sections:
            inside = section.flags & SHF_ALLOC and section.address <= address < section.address + section.bytes
            if inside and section.type != SHT_NOBITS:
                start = section.offset + address - section.address
                return self.data[start:start + count]
        return b""
