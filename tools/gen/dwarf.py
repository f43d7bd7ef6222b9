# SPDX-License-Identifier: MIT
"""Reads types and global variables out of an ELF file's DWARF (versions 4 and 5), nothing else.

Function bodies, line tables and locations that are no plain addresses are skipped. Each Entry is one DIE that says
something about types; `type_of` follows its DW_AT_type.

Source: DWARF Debugging Information Format, Version 5, sections 7.5 (layout) and 5 (types).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

# Tags and attributes that we look at (7.5.3, 7.5.4).
ARRAY, ENUMERATION, MEMBER, POINTER, STRUCTURE, SUBROUTINE = 0x01, 0x04, 0x0D, 0x0F, 0x13, 0x15
COMPILE_UNIT, TYPEDEF, UNION, SUBRANGE, BASE, CONST = 0x11, 0x16, 0x17, 0x21, 0x24, 0x26
ENUMERATOR, SUBPROGRAM, VARIABLE, VOLATILE, RESTRICT, ATOMIC = 0x28, 0x2E, 0x34, 0x35, 0x37, 0x47
QUALIFIERS = {CONST, VOLATILE, RESTRICT, ATOMIC}

FORMAL_PARAMETER, AT_LOW_PC = 0x05, 0x11
AT_SIBLING, AT_LOCATION, AT_NAME, AT_BYTE_SIZE, AT_BIT_SIZE = 0x01, 0x02, 0x03, 0x0B, 0x0D
AT_LANGUAGE, AT_CONST_VALUE, AT_UPPER_BOUND, AT_COUNT, AT_MEMBER_LOCATION = 0x13, 0x1C, 0x2F, 0x37, 0x38
AT_DECL_COLUMN, AT_DECL_LINE, AT_DECLARATION, AT_ENCODING, AT_SPECIFICATION = 0x39, 0x3B, 0x3C, 0x3E, 0x47
AT_TYPE, AT_DATA_BIT_OFFSET = 0x49, 0x6B

LANGUAGES_C = {0x01, 0x02, 0x0C, 0x1D}  # C89, C, C99, C11 (7.12)
OP_ADDR = 0x03

Value = int | str | bytes


@dataclass
class Entry:
    """One debugging information entry."""
    tag: int
    attributes: dict[int, Value]
    unit: Unit
    children: list[Entry] = field(default_factory=list)

    def name(self) -> str:
        return str(self.attributes.get(AT_NAME, ""))

    def number(self, attribute: int, default: int = 0) -> int:
        value = self.attributes.get(attribute, default)
        return value if isinstance(value, int) else default

    def refers(self, attribute: int) -> Entry | None:
        """The entry that a reference names; None: there is no such attribute."""
        value = self.attributes.get(attribute)
        return self.unit.entries.get(value) if isinstance(value, int) else None

    def type_of(self) -> Entry | None:
        """What DW_AT_type names; None is void."""
        return self.refers(AT_TYPE)

    def address(self) -> int | None:
        """Of a variable with a fixed one."""
        value = self.attributes.get(AT_LOCATION)
        if isinstance(value, bytes) and len(value) == 9 and value[0] == OP_ADDR:
            return int.from_bytes(value[1:], "little")
        return None


@dataclass
class Unit:
    """One compilation unit: its entries by offset in .debug_info, and those of its top level in order."""
    entries: dict[int, Entry] = field(default_factory=dict)
    top: list[Entry] = field(default_factory=list)
    base: int = 0  # what addresses in its lists start from


@dataclass
class Section:
    address: int
    data: bytes


def read_sections(path: Path) -> dict[str, bytes]:
    """Contents of the sections of a little-endian ELF64 file (not compressed)."""
    return {name: section.data for name, section in read_placed_sections(path).items()}


def read_placed_sections(path: Path) -> dict[str, Section]:
    """The same, and where they are in memory."""
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError(f"{path}: no little-endian ELF64 file")
    table, = struct.unpack_from("<Q", data, 0x28)
    size, count, names_index = struct.unpack_from("<3H", data, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", data, table + i * size) for i in range(count)]
    names = headers[names_index]
    sections = {}
    for name, kind, _flags, address, offset, length in headers:
        start = names[4] + name
        text = data[start:data.index(b"\0", start)].decode()
        sections[text] = Section(address, b"" if kind == 8 else data[offset:offset + length])
    return sections


class Reader:
    """Walks .debug_info."""

    def __init__(self, sections: dict[str, bytes], has_parameters: bool = False) -> None:
        self.has_parameters = has_parameters
        self.info = sections.get(".debug_info", b"")
        self.abbreviations = sections.get(".debug_abbrev", b"")
        self.strings = {0x0E: sections.get(".debug_str", b""), 0x1F: sections.get(".debug_line_str", b"")}
        self.at = 0
        self.table: dict[int, tuple[int, bool, list[tuple[int, int, int]]]] = {}
        self.unit_start = 0
        self.unit = Unit()

    # ---- numbers ----

    def fixed(self, size: int, signed: bool = False) -> int:
        value = int.from_bytes(self.info[self.at:self.at + size], "little", signed=signed)
        self.at += size
        return value

    def leb(self, signed: bool = False) -> int:
        value, self.at = read_leb(self.info, self.at, signed)
        return value

    def block(self, size: int) -> bytes:
        value = self.info[self.at:self.at + size]
        self.at += size
        return value

    # ---- units ----

    def units(self) -> list[Unit]:
        """All units in C; others (assembly) know no types."""
        found = []
        while self.at < len(self.info):
            self.unit_start = self.at
            end = self.fixed(4) + self.unit_start + 4
            version = self.fixed(2)
            if version >= 5:
                self.at += 2  # unit type, address size
                abbreviations = self.fixed(4)
            else:
                abbreviations = self.fixed(4)
                self.at += 1
            self.table = self.read_table(abbreviations)
            self.unit = Unit()
            root = self.entry()
            if root is not None and root.number(AT_LANGUAGE) in LANGUAGES_C:
                self.unit.top = root.children
                self.unit.base = root.number(AT_LOW_PC)
                found.append(self.unit)
            self.at = end
        return found

    def read_table(self, at: int) -> dict[int, tuple[int, bool, list[tuple[int, int, int]]]]:
        """Abbreviation code -> (tag, has children, [(attribute, form, implicit value)]) (7.5.3)."""
        data = self.abbreviations
        table: dict[int, tuple[int, bool, list[tuple[int, int, int]]]] = {}
        while True:
            code, at = read_leb(data, at)
            if code == 0:
                return table
            tag, at = read_leb(data, at)
            has_children, at = data[at] != 0, at + 1
            attributes = []
            while True:
                attribute, at = read_leb(data, at)
                form, at = read_leb(data, at)
                implicit = 0
                if form == 0x21:
                    implicit, at = read_leb(data, at, True)
                if attribute == 0 and form == 0:
                    break
                attributes.append((attribute, form, implicit))
            table[code] = (tag, has_children, attributes)

    def entry(self) -> Entry | None:
        """The entry at the reader's place, with its children; None at the end of a list of siblings."""
        offset = self.at
        code = self.leb()
        if code == 0:
            return None
        tag, has_children, shape = self.table[code]
        attributes = {attribute: self.value(form, implicit) for attribute, form, implicit in shape}
        entry = Entry(tag, attributes, self.unit)
        self.unit.entries[offset] = entry
        if not has_children:
            return entry
        sibling = attributes.get(AT_SIBLING)
        if tag == SUBPROGRAM and isinstance(sibling, int):
            while self.has_parameters and self.at < sibling and (child := self.entry()) is not None:
                entry.children.append(child)
                if child.tag != FORMAL_PARAMETER:  # they come first
                    break
            self.at = sibling
            return entry
        while (child := self.entry()) is not None:
            entry.children.append(child)
        return entry

    def value(self, form: int, implicit: int) -> Value:
        """One attribute's value (7.5.6)."""
        if form in (0x0E, 0x1F):  # strp, line_strp
            start, data = self.fixed(4), self.strings[form]
            return data[start:data.index(b"\0", start)].decode()
        if form == 0x08:  # string
            end = self.info.index(b"\0", self.at)
            return self.block(end + 1 - self.at)[:-1].decode()
        if form in (0x11, 0x12, 0x13, 0x14):  # ref1 .. ref8, in the unit
            return self.unit_start + self.fixed(1 << (form - 0x11))
        if form == 0x18:  # exprloc
            return self.block(self.leb())
        if form in FIXED:
            return self.fixed(FIXED[form])
        if form == 0x0D:  # sdata
            return self.leb(True)
        if form == 0x0F:  # udata
            return self.leb()
        if form in (0x19, 0x21):  # flag_present, implicit_const
            return 1 if form == 0x19 else implicit
        if form == 0x0A:  # block1
            return self.block(self.fixed(1))
        raise ValueError(f"DWARF form 0x{form:x} at 0x{self.at:x} is not known")


FIXED = {0x01: 8, 0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x0C: 1, 0x17: 4}  # addr, data1..8, flag, sec_offset


def read_leb(data: bytes, at: int, signed: bool = False) -> tuple[int, int]:
    """One LEB128 number and where the next byte is (7.6)."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if signed and byte & 0x40:
        value -= 1 << shift
    return value, at


def read_units(path: Path) -> list[Unit]:
    return Reader(read_sections(path)).units()
