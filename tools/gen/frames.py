#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the table of frames that kdebug finds in its own image: where functions keep what callers had in registers.

    frames.py KERNEL.elf OUT.bin

Layout: kdebug/x86_64/frames.h. Made of .debug_frame, which tells it from instruction to instruction, in a form that is
found by a binary search and needs no interpreter: each address from which on another rule holds, and the few rules that
there are. What a rule cannot say becomes "nothing is known".

While a function pushes registers one after the other, only the last of those rules is kept, from the first push on: a
place below the stack pointer has not been written yet, which who reads the table can see.

Source: DWARF Debugging Information Format, Version 5, section 6.4; System V ABI for AMD64, "DWARF Register Number
Mapping".
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import dwarf  # noqa: E402
from dwarf import read_leb  # noqa: E402

KERNEL_IMAGE_BASE = 0xFFFFFFFF80000000
MAGIC, VERSION = 0x4D52464B, 1  # "KFRM"
RBP, RSP, RETURN = 6, 7, 16
KEPT = (3, RBP, 12, 13, 14, 15)  # rbx, rbp, r12 to r15: what a function gives back as it was
BASES = {(RSP, 8): 1, (RSP, 16): 2, (RBP, 16): 3}  # where the frame ends; 0: not known
SLOT_MAX = 15
RULES_MAX, OFFSET_MAX = 256, 0xFFFFFF
# Operations (7.24): three with a value in the same byte, the others.
ADVANCE, OFFSET, RESTORE = 1, 2, 3
NOP, SET_LOC, ADVANCE_1, ADVANCE_4, REMEMBER, RECALL = 0x00, 0x01, 0x02, 0x04, 0x0A, 0x0B
DEF_CFA, DEF_CFA_REGISTER, DEF_CFA_OFFSET, ARGS_SIZE = 0x0C, 0x0D, 0x0E, 0x2E
SAME_VALUE = 0x08


@dataclass(frozen=True)
class Rule:
    """base: key of BASES. saved: (register, words below the end of the frame) of what is not in its register."""
    base: tuple[int, int] = (0, 0)
    saved: tuple[tuple[int, int], ...] = ()

    def with_saved(self, register: int, words: int) -> Rule:
        return Rule(self.base, tuple(sorted((*(one for one in self.saved if one[0] != register), (register, words)))))

    def without(self, register: int) -> Rule:
        return Rule(self.base, tuple(one for one in self.saved if one[0] != register))

    def encode(self) -> int:
        """0: nothing is known."""
        code = BASES.get(self.base, 0)
        for register, words in self.saved:
            if register not in KEPT or not 2 <= words <= SLOT_MAX:
                return 0
            code |= words << (2 + 4 * KEPT.index(register))
        return code if code & 3 else 0


UNKNOWN = Rule()


@dataclass
class Common:
    """What several functions begin with."""
    code_factor: int = 1
    data_factor: int = -8
    start: Rule = UNKNOWN


@dataclass
class Machine:
    """Runs the operations of one function."""
    common: Common
    at: int
    rule: Rule
    stack: list[Rule] = field(default_factory=list)
    rows: list[tuple[int, Rule]] = field(default_factory=list)

    def advance(self, count: int) -> None:
        self.rows.append((self.at, self.rule))
        self.at += count * self.common.code_factor

    def save(self, register: int, factored: int) -> None:
        below = -factored * self.common.data_factor
        if register != RETURN:
            self.rule = self.rule.with_saved(register, below // 8 if below % 8 == 0 else 0)

    def run(self, code: bytes) -> None:
        """Ends with "nothing is known" at an operation that it does not know."""
        at = 0
        while at < len(code):
            kind, low, at = code[at] >> 6, code[at] & 63, at + 1
            if kind == ADVANCE:
                self.advance(low)
            elif kind == OFFSET:
                factored, at = read_leb(code, at)
                self.save(low, factored)
            elif kind == RESTORE:
                self.rule = self.rule.without(low)
            elif low in (NOP, REMEMBER, RECALL):
                self.run_stack(low)
            elif low in range(ADVANCE_1, ADVANCE_4 + 1):
                size = 1 << (low - ADVANCE_1)
                self.advance(int.from_bytes(code[at:at + size], "little"))
                at += size
            elif low in (DEF_CFA, DEF_CFA_REGISTER, DEF_CFA_OFFSET, SAME_VALUE, ARGS_SIZE):
                at = self.run_base(low, code, at)
            else:
                self.rule = UNKNOWN
                break
        self.rows.append((self.at, self.rule))

    def run_stack(self, operation: int) -> None:
        if operation == REMEMBER:
            self.stack.append(self.rule)
        elif operation == RECALL:
            self.rule = self.stack.pop() if self.stack else UNKNOWN

    def run_base(self, operation: int, code: bytes, at: int) -> int:
        value, at = read_leb(code, at)
        register, offset = self.rule.base
        if operation == DEF_CFA:
            register, (offset, at) = value, read_leb(code, at)
        elif operation == DEF_CFA_REGISTER:
            register = value
        elif operation == DEF_CFA_OFFSET:
            offset = value
        elif operation == SAME_VALUE:
            self.rule = self.rule.without(value)
        self.rule = Rule((register, offset), self.rule.saved)
        return at


def read_common(entry: bytes) -> Common:
    """A common information entry, behind its id. One with an augmentation gives nothing."""
    version, augmentation = entry[0], entry[1:entry.index(b"\0", 1)]
    at = 2 + len(augmentation) + (2 if version >= 4 else 0)
    common = Common()
    common.code_factor, at = read_leb(entry, at)
    common.data_factor, at = read_leb(entry, at, True)
    _, at = read_leb(entry, at)
    if not augmentation:
        machine = Machine(common, 0, UNKNOWN)
        machine.run(entry[at:])
        common.start = machine.rule
    return common


def functions(section: bytes) -> Iterator[tuple[int, int, list[tuple[int, Rule]]]]:
    """Start, end and rules by address of each function of .debug_frame."""
    commons: dict[int, Common] = {}
    at = 0
    while at + 8 <= len(section):
        length, identity = struct.unpack_from("<2I", section, at)
        body = section[at + 8:at + 4 + length]
        if identity == 0xFFFFFFFF:
            commons[at] = read_common(body)
        else:
            start, size = struct.unpack_from("<2Q", body)
            common = commons[identity]
            machine = Machine(common, start, common.start)
            if common.start != UNKNOWN:
                machine.run(body[16:])
            yield start, start + size, machine.rows
        at += 4 + length


def is_push(code: bytes) -> bool:
    low = code[1:] if code[:1] == b"\x41" else code
    return len(low) == 1 and low[0] & 0xF8 == 0x50


def pushes_one_more(before: Rule, after: Rule, code: bytes) -> bool:
    """Has the instruction between them pushed a register at the lowest place, and nothing else changed?"""
    more = set(after.saved) - set(before.saved)
    if not before.base == after.base == (RBP, 16) or len(more) != 1 or len(after.saved) != len(before.saved) + 1:
        return False
    return is_push(code) and more.pop()[1] > max((words for _, words in before.saved), default=0)


def thin_out(rows: list[tuple[int, Rule]], text: bytes, base: int) -> list[tuple[int, Rule]]:
    """Without rules that hold for no instruction, that repeat the one before, or that the next one holds for, too."""
    kept: list[tuple[int, Rule]] = []
    for i, (address, rule) in enumerate(rows):
        if i + 1 < len(rows) and rows[i + 1][0] == address:
            continue
        if kept and pushes_one_more(kept[-1][1], rule, text[rows[i - 1][0] - base:address - base]):
            kept[-1] = (kept[-1][0], rule)
        elif not kept or kept[-1][1] != rule:
            kept.append((address, rule))
    return kept


def encode(rows: list[tuple[int, int]]) -> bytes:
    rules = sorted({0} | {rule for _, rule in rows})
    if len(rules) > RULES_MAX or (rows and rows[-1][0] > OFFSET_MAX):
        raise ValueError(f"{len(rules)} rules, code up to {rows[-1][0]:#x}: room is for {RULES_MAX}, {OFFSET_MAX:#x}")
    numbers = {rule: number for number, rule in enumerate(rules)}
    table = struct.pack(f"<4I{len(rules)}I", MAGIC, VERSION, len(rules), len(rows), *rules)
    return table + b"".join(struct.pack("<I", offset << 8 | numbers[rule]) for offset, rule in rows)


def make_table(elf: Path) -> bytes:
    sections = dwarf.read_placed_sections(elf)
    text, frames = sections[".text"], sections[".debug_frame"]
    rows: dict[int, int] = {}
    for start, end, rules in sorted(functions(frames.data), key=lambda one: one[0]):
        if start < KERNEL_IMAGE_BASE:
            continue
        for address, rule in thin_out(rules, text.data, text.address):
            rows[address - KERNEL_IMAGE_BASE] = rule.encode()
        rows.setdefault(end - KERNEL_IMAGE_BASE, 0)
    thin: list[tuple[int, int]] = []
    for offset, code in sorted(rows.items()):
        if not thin or thin[-1][1] != code:
            thin.append((offset, code))
    return encode(thin)


def main(argv: list[str]) -> int:
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    Path(argv[1]).write_bytes(make_table(Path(argv[0])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
