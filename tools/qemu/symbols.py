# SPDX-License-Identifier: MIT
"""Names for kernel addresses, from the symbol table of kernel.elf: two arrays of ELF64, no library needed."""

from __future__ import annotations

import bisect
import re
import struct
from pathlib import Path

SHT_SYMTAB = 2
STT_NOTYPE, STT_OBJECT, STT_FUNC = 0, 1, 2
SHN_ABS = 0xFFF1

# An address in the kernel image, as logs and debuggers print it: 16 digits, with or without 0x.
KERNEL_ADDRESS = re.compile(r"(?:0x)?(ffffffff[89a-f][0-9a-f]{7})(?![0-9a-fA-F])")


class SymbolTable:
    """Sorted kernel symbols: name_of() and address_of()."""

    def __init__(self, symbols: list[tuple[int, int, str]]) -> None:
        self._symbols = sorted(symbols)
        self._starts = [start for start, _, _ in self._symbols]
        self._by_name = {name: start for start, _, name in self._symbols}

    @classmethod
    def from_elf(cls, path: Path) -> SymbolTable:
        """Read functions and objects of an ELF64 file. ValueError: it is none."""
        data = path.read_bytes()
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path} is not a little-endian ELF64 file")
        table_offset, = struct.unpack_from("<Q", data, 0x28)
        entry_bytes, count = struct.unpack_from("<HH", data, 0x3A)
        sections = [struct.unpack_from("<IIQQQQIIQQ", data, table_offset + i * entry_bytes) for i in range(count)]
        symbols: list[tuple[int, int, str]] = []
        for section in sections:
            if section[1] == SHT_SYMTAB:
                names = sections[section[6]][4]
                symbols += _read_symbols(data, section[4], section[5], names)
        return cls(symbols)

    def address_of(self, name: str) -> int:
        """Address of a symbol. KeyError: there is none."""
        return self._by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def name_of(self, address: int) -> str | None:
        """'name+0x12' for an address inside a symbol, else None."""
        index = bisect.bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        start, size, name = self._symbols[index]
        if address >= start + max(size, 1):
            return None
        return f"{name}+{address - start:#x}" if address > start else name

    def annotate(self, text: str) -> str:
        """The text with ' <name+0x12>' behind every kernel address that has no name behind it yet."""
        return self.annotate_part(text, len(text))

    def annotate_part(self, text: str, end: int) -> str:
        """The same for text[:end], when what follows in the text is not to be shown yet."""
        pieces, done = [], 0
        for match in KERNEL_ADDRESS.finditer(text, 0, end):
            name = self.name_of(int(match.group(1), 16))
            if name and text[match.end():match.end() + 2] not in (" <", " ("):
                pieces += [text[done:match.end()], f" <{name}>"]
                done = match.end()
        return "".join(pieces) + text[done:end]


def _read_symbols(data: bytes, offset: int, size: int, names: int) -> list[tuple[int, int, str]]:
    found = []
    for name, info, _, index, value, length in struct.iter_unpack("<IBBHQQ", data[offset:offset + size]):
        if info & 15 in (STT_NOTYPE, STT_OBJECT, STT_FUNC) and index not in (0, SHN_ABS) and name:
            end = data.index(b"\0", names + name)
            found.append((value, length, data[names + name:end].decode("ascii", "replace")))
    return found
