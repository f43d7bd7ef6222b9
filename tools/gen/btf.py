#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the type table that kdebug finds in its own image: BTF, out of the kernel's DWARF; and those of user programs.

    btf.py KERNEL.elf OUT.bin
    btf.py --program PROGRAM OUT.bin

Plain BTF (Linux Documentation/bpf/btf.rst), so that pahole and others can read it. One DATASEC, ".kernel", gives each
variable of file scope its type by address (offset from KERNEL_IMAGE_BASE), in ascending order. In that of a program it
is ".program", and addresses are whole. The compiler has left types out that nobody uses.

Why not pahole: its version in Debian 12 knows no _Atomic (such members become void), writes no variables and makes
one dimension of two. Left out on purpose: qualifiers, functions and their parameters; nothing at the prompt needs them.

Types of different units are the same if they have the same name, place in their file and members; C has no better
answer, and it needs no comparing of graphs.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import dwarf  # noqa: E402
from dwarf import Entry, Unit  # noqa: E402

KERNEL_IMAGE_BASE = 0xFFFFFFFF80000000
MAGIC, VERSION, HEADER_BYTES = 0xEB9F, 1, 24
INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF = range(1, 9)
FUNC_PROTO, VAR, DATASEC, FLOAT, ENUM64 = 13, 14, 15, 16, 19
POINTER_BYTES = 8
# DW_ATE_* -> bits of BTF: 1 signed, 2 char, 4 bool (DWARF 7.8). Text is only what is called "char".
ENCODINGS = {0x02: 4, 0x05: 1, 0x06: 1}
FLOAT_ENCODING = 0x04


@dataclass
class Record:
    """One type: `rest` is what follows the common three words."""
    kind: int
    name: str = ""
    size_or_type: int = 0
    count: int = 0
    flag: bool = False
    rest: list[tuple[str, int, int]] = field(default_factory=list)  # members: name, type, offset
    words: list[int] = field(default_factory=list)


class Builder:
    """Turns entries into records, each type once."""

    def __init__(self, units: list[Unit], base: int = KERNEL_IMAGE_BASE) -> None:
        self.units = units
        self.base_address = base
        self.records: list[Record] = [Record(0)]  # id 0 is void
        self.sizes: dict[int, int] = {}
        self.known: dict[object, int] = {}
        self.complete: dict[tuple[int, str], Entry] = {}
        for unit in units:
            for entry in unit.top:
                if entry.tag in (dwarf.STRUCTURE, dwarf.UNION) and entry.name() and not is_declaration(entry):
                    self.complete.setdefault((entry.tag, entry.name()), entry)

    def add(self, key: object, record: Record) -> int:
        self.records.append(record)
        self.known[key] = len(self.records) - 1
        return self.known[key]

    def type_id(self, entry: Entry | None) -> int:
        """The id of the type that an entry describes; qualifiers are looked through."""
        while entry is not None and entry.tag in dwarf.QUALIFIERS:
            entry = entry.type_of()
        if entry is None:
            return 0
        make = {dwarf.BASE: self.base, dwarf.POINTER: self.pointer, dwarf.ARRAY: self.array,
                dwarf.STRUCTURE: self.structure, dwarf.UNION: self.structure, dwarf.ENUMERATION: self.enumeration,
                dwarf.TYPEDEF: self.typedef, dwarf.SUBROUTINE: self.function}.get(entry.tag)
        return make(entry) if make is not None else 0

    def base(self, entry: Entry) -> int:
        name, size, encoding = entry.name(), entry.number(dwarf.AT_BYTE_SIZE), entry.number(dwarf.AT_ENCODING)
        key = ("base", name, size, encoding)
        if key in self.known:
            return self.known[key]
        if encoding == FLOAT_ENCODING:
            return self.add(key, Record(FLOAT, name, size))
        bits = ENCODINGS.get(encoding, 0) | (2 if name == "char" else 0)
        return self.add(key, Record(INT, name, size, words=[bits << 24 | size * 8]))

    def pointer(self, entry: Entry) -> int:
        to = self.type_id(entry.type_of())
        key = ("pointer", to)
        return self.known[key] if key in self.known else self.add(key, Record(PTR, size_or_type=to))

    def array(self, entry: Entry) -> int:
        counts = []
        for child in entry.children:
            if child.tag == dwarf.SUBRANGE:
                upper = child.number(dwarf.AT_UPPER_BOUND, -1)
                counts.append(child.number(dwarf.AT_COUNT, upper + 1))
        of = self.type_id(entry.type_of())
        for count in reversed(counts or [0]):
            key = ("array", of, count)
            of = self.known[key] if key in self.known else self.add(key, Record(ARRAY, words=[of, 0, count]))
        return of

    def structure(self, entry: Entry) -> int:
        if is_declaration(entry):
            complete = self.complete.get((entry.tag, entry.name()))
            if complete is None:
                return self.forward(entry)
            entry = complete
        members = [child for child in entry.children if child.tag == dwarf.MEMBER]
        key = (*place(entry), tuple((member.name(), *bits_of(member)) for member in members))
        if key in self.known:
            return self.known[key]
        kind = STRUCT if entry.tag == dwarf.STRUCTURE else UNION
        record = Record(kind, entry.name(), entry.number(dwarf.AT_BYTE_SIZE), len(members))
        record.flag = any(bits_of(member)[1] for member in members)
        number = self.add(key, record)  # before its members: they may point to it
        for member in members:
            offset, bits = bits_of(member)
            record.rest.append((member.name(), self.type_id(member.type_of()), bits << 24 | offset))
        return number

    def forward(self, entry: Entry) -> int:
        key = ("forward", entry.tag, entry.name())
        record = Record(FWD, entry.name(), flag=entry.tag == dwarf.UNION)
        return self.known[key] if key in self.known else self.add(key, record)

    def enumeration(self, entry: Entry) -> int:
        values = [(child.name(), child.number(dwarf.AT_CONST_VALUE)) for child in entry.children]
        key = (*place(entry), tuple(values))
        if key in self.known:
            return self.known[key]
        size = entry.number(dwarf.AT_BYTE_SIZE)
        record = Record(ENUM if size <= 4 else ENUM64, entry.name(), size, len(values))
        record.flag = any(value < 0 for _, value in values)
        record.rest = [(name, value & 0xFFFFFFFF, value >> 32 & 0xFFFFFFFF) for name, value in values]
        return self.add(key, record)

    def typedef(self, entry: Entry) -> int:
        to = self.type_id(entry.type_of())
        key = ("typedef", entry.name(), to)
        return self.known[key] if key in self.known else self.add(key, Record(TYPEDEF, entry.name(), to))

    def function(self, entry: Entry) -> int:
        returns = self.type_id(entry.type_of())
        key = ("function", returns)
        return self.known[key] if key in self.known else self.add(key, Record(FUNC_PROTO, size_or_type=returns))

    def bytes_of(self, number: int) -> int:
        record = self.records[number]
        if record.kind == TYPEDEF:
            return self.bytes_of(record.size_or_type)
        if record.kind == PTR:
            return POINTER_BYTES
        if record.kind == ARRAY:
            return record.words[2] * self.bytes_of(record.words[0])
        return record.size_or_type if record.kind in (INT, STRUCT, UNION, ENUM, ENUM64, FLOAT) else 0

    def variables(self) -> None:
        """The DATASEC: every variable of file scope that has an address in the image."""
        found: dict[int, tuple[str, int]] = {}
        for unit in self.units:
            for entry in unit.top:
                offset = (entry.address() or 0) - self.base_address
                if entry.tag == dwarf.VARIABLE and entry.address() and 0 <= offset <= 0xFFFFFFFF:
                    said = entry.refers(dwarf.AT_SPECIFICATION) or entry
                    # A defining entry may know the length of an array that its declaration leaves open.
                    number = self.type_id(entry.type_of() or said.type_of())
                    if number != 0:
                        found[offset] = said.name(), number
        section = Record(DATASEC, ".kernel" if self.base_address else ".program", 0, len(found))
        for offset, (name, number) in sorted(found.items()):
            variable = self.add(("variable", offset), Record(VAR, name, number, words=[1]))
            section.words += [variable, offset, self.bytes_of(number)]
        self.add("variables", section)

    def build(self) -> None:
        wanted = {dwarf.STRUCTURE, dwarf.UNION, dwarf.ENUMERATION, dwarf.TYPEDEF, dwarf.BASE}
        for unit in self.units:
            for entry in unit.top:
                if entry.tag in wanted:
                    self.type_id(entry)
        self.variables()


def is_declaration(entry: Entry) -> bool:
    return entry.number(dwarf.AT_DECLARATION) != 0


def place(entry: Entry) -> tuple[int, str, int, int, int]:
    return (entry.tag, entry.name(), entry.number(dwarf.AT_BYTE_SIZE), entry.number(dwarf.AT_DECL_LINE),
            entry.number(dwarf.AT_DECL_COLUMN))


def bits_of(member: Entry) -> tuple[int, int]:
    """Offset of a member in bits, and its width in bits if it is a bit-field, else 0."""
    if dwarf.AT_DATA_BIT_OFFSET in member.attributes:
        return member.number(dwarf.AT_DATA_BIT_OFFSET), member.number(dwarf.AT_BIT_SIZE)
    return member.number(dwarf.AT_MEMBER_LOCATION) * 8, member.number(dwarf.AT_BIT_SIZE)


def lay_out(names: set[str]) -> tuple[bytes, dict[str, int]]:
    """The string table, and where in it each name begins: a name that another one ends with is in that one."""
    strings = bytearray(b"\0")
    places = {"": 0}
    longer = ""
    for name in sorted(names - {""}, key=lambda name: name[::-1], reverse=True):
        if longer.endswith(name):
            places[name] = places[longer] + len(longer) - len(name)
        else:
            places[name], longer = len(strings), name
            strings.extend(name.encode() + b"\0")
    return bytes(strings), places


def encode(records: list[Record]) -> bytes:
    """The file: header, types, strings."""
    members = {row[0] for record in records for row in record.rest}
    strings, places = lay_out({record.name for record in records} | members)
    types = bytearray()
    for record in records[1:]:
        count = len(record.words) // 3 if record.kind == DATASEC else record.count
        info = record.kind << 24 | count | (1 << 31 if record.flag else 0)
        types += struct.pack("<3I", places[record.name], info, record.size_or_type)
        for name, second, third in record.rest:
            types += struct.pack("<2I", places[name], second)
            types += struct.pack("<I", third) if record.kind != ENUM else b""
        types += struct.pack(f"<{len(record.words)}I", *record.words)
    header = struct.pack("<HBB5I", MAGIC, VERSION, 0, HEADER_BYTES, 0, len(types), len(types), len(strings))
    return header + bytes(types) + strings


def make_table(elf: Path, base: int = KERNEL_IMAGE_BASE) -> bytes:
    builder = Builder(dwarf.read_units(elf), base)
    builder.build()
    return encode(builder.records)


def main(argv: list[str]) -> int:
    is_program = argv[:1] == ["--program"]
    if len(argv) != (3 if is_program else 2):
        print(__doc__, file=sys.stderr)
        return 2
    Path(argv[-1]).write_bytes(make_table(Path(argv[-2]), 0 if is_program else KERNEL_IMAGE_BASE))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
