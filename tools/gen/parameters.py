#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the table of parameters that kdebug finds in its own image: their names, and where their values are.

    parameters.py KERNEL.elf OUT.bin

Layout: kdebug/core/parameters.h. Out of the DWARF's location lists only what a backtrace can follow: a register (known
where a core stands), a place in the frame, a constant. What the compiler has given up, and what it would take other
frames to find, is left out, and kdebug says that it does not know.

Source: DWARF Debugging Information Format, Version 5, sections 2.6 and 7.7.3.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import dwarf  # noqa: E402
from dwarf import Entry, Unit, read_leb  # noqa: E402

KERNEL_IMAGE_BASE = 0xFFFFFFFF80000000
MAGIC, VERSION = 0x4D52504B, 1  # "KPRM"
AT_LOW_PC, AT_HIGH_PC, AT_FRAME_BASE, AT_ABSTRACT_ORIGIN, FORMAL_PARAMETER = 0x11, 0x12, 0x40, 0x31, 0x05
REGISTER, FRAME, CONSTANT = range(3)
CALL_FRAME_CFA = b"\x9c"
OP_REGISTER, OP_FRAME, OP_LITERAL, OP_STACK_VALUE = 0x50, 0x91, 0x30, 0x9F
FIXED_CONSTANTS = {0x08: (1, False), 0x09: (1, True), 0x0A: (2, False), 0x0B: (2, True), 0x0C: (4, False),
                   0x0D: (4, True)}
PARAMETERS_MAX, LENGTH_MAX = 15, 0xFFFF


@dataclass
class Function:
    start: int
    names: list[str] = field(default_factory=list)
    # start, length, index, size, kind, value
    ranges: list[tuple[int, int, int, int, int, int]] = field(default_factory=list)


def place_of(expression: bytes) -> tuple[int, int] | None:
    """Kind and value of an expression that is simple enough."""
    code = expression[0] if expression else 0
    if len(expression) == 1 and OP_REGISTER <= code < OP_REGISTER + 16:
        return REGISTER, code - OP_REGISTER
    if code == OP_FRAME:
        value, end = read_leb(expression, 1, True)
        return (FRAME, value) if end == len(expression) else None
    if not expression or expression[-1] != OP_STACK_VALUE:
        return None
    if len(expression) == 2 and OP_LITERAL <= code < OP_LITERAL + 32:
        return CONSTANT, code - OP_LITERAL
    if code in FIXED_CONSTANTS and len(expression) == FIXED_CONSTANTS[code][0] + 2:
        return CONSTANT, int.from_bytes(expression[1:-1], "little", signed=FIXED_CONSTANTS[code][1])
    return None


def locations(lists: bytes, at: int, base: int) -> Iterator[tuple[int, int, bytes]]:
    """Start, end and expression of each entry of a location list; ends at what is not known."""
    while at < len(lists):
        kind, at = lists[at], at + 1
        if kind == 9:  # a pair of views (GNU), which breakpoints need
            _, at = read_leb(lists, at)
            _, at = read_leb(lists, at)
            continue
        if kind == 6:  # base address
            base, at = int.from_bytes(lists[at:at + 8], "little"), at + 8
            continue
        if kind == 4:  # a pair of offsets
            start, at = read_leb(lists, at)
            end, at = read_leb(lists, at)
            start, end = start + base, end + base
        elif kind in (7, 8):  # start and end, start and length
            start, at = int.from_bytes(lists[at:at + 8], "little"), at + 8
            if kind == 7:
                end, at = int.from_bytes(lists[at:at + 8], "little"), at + 8
            else:
                length, at = read_leb(lists, at)
                end = start + length
        else:
            return
        size, at = read_leb(lists, at)
        yield start, end, lists[at:at + size]
        at += size


def places_of(function: Entry, where: dwarf.Value | None, unit: Unit, lists: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The same for a list, or for one place that holds for the whole function."""
    if isinstance(where, int):
        yield from locations(lists, where, unit.base)
    elif isinstance(where, bytes):
        start, end = function.number(AT_LOW_PC), function.number(AT_HIGH_PC)
        yield start, end if end > start else start + end, where


def size_of(entry: Entry | None) -> int:
    while entry is not None and entry.tag in (*dwarf.QUALIFIERS, dwarf.TYPEDEF):
        entry = entry.type_of()
    if entry is None or entry.tag in (dwarf.STRUCTURE, dwarf.UNION):
        return 0
    return 8 if entry.tag == dwarf.POINTER else entry.number(dwarf.AT_BYTE_SIZE)


def origin(entry: Entry) -> Entry:
    return entry.refers(AT_ABSTRACT_ORIGIN) or entry.refers(dwarf.AT_SPECIFICATION) or entry


def read_function(entry: Entry, unit: Unit, lists: bytes) -> Function:
    function = Function(entry.number(AT_LOW_PC) - KERNEL_IMAGE_BASE)
    has_frame = entry.attributes.get(AT_FRAME_BASE) == CALL_FRAME_CFA
    parameters = [child for child in entry.children if child.tag == FORMAL_PARAMETER][:PARAMETERS_MAX]
    for index, parameter in enumerate(parameters):
        said = origin(parameter)
        size = size_of(said.type_of() or parameter.type_of())
        function.names.append(said.name() or "?")
        if size not in (1, 2, 4, 8):
            continue
        for start, end, expression in places_of(entry, parameter.attributes.get(dwarf.AT_LOCATION), unit, lists):
            place = place_of(expression)
            start -= KERNEL_IMAGE_BASE
            length = min(end - KERNEL_IMAGE_BASE - start, LENGTH_MAX)
            if place is None or length <= 0 or (place[0] == FRAME and not has_frame):
                continue
            if -1 << 31 <= place[1] < 1 << 31:
                function.ranges.append((start, length, index, size, *place))
    return function


def encode(functions: list[Function]) -> bytes:
    names, places = bytearray(b"\0"), {"": 0}
    table, ranges = bytearray(), bytearray()
    count = 0
    for function in sorted(functions, key=lambda one: one.start):
        text = " ".join(function.names)
        if text not in places:
            places[text] = len(names)
            names += text.encode() + b"\0"
        table += struct.pack("<3I", function.start, places[text], count)
        for start, length, index, size, kind, value in function.ranges:
            ranges += struct.pack("<IHBBi", start, length, index << 4 | size, kind, value)
        count += len(function.ranges)
    header = struct.pack("<5I", MAGIC, VERSION, len(functions), count, len(names))
    return header + bytes(table) + bytes(ranges) + bytes(names)


def make_table(elf: Path) -> bytes:
    sections = dwarf.read_sections(elf)
    functions: dict[int, Function] = {}
    for unit in dwarf.Reader(sections, has_parameters=True).units():
        for entry in unit.top:
            if entry.tag == dwarf.SUBPROGRAM and entry.number(AT_LOW_PC) >= KERNEL_IMAGE_BASE:
                function = read_function(entry, unit, sections.get(".debug_loclists", b""))
                if function.names:
                    functions[function.start] = function
    return encode(list(functions.values()))


def main(argv: list[str]) -> int:
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    Path(argv[1]).write_bytes(make_table(Path(argv[0])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
