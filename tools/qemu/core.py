# SPDX-License-Identifier: MIT
"""
A memory dump of QEMU as a core file that gdb can use.

`dump-guest-memory` writes an ELF core: physical memory as PT_LOAD segments, the registers of every core as notes. gdb
wants virtual addresses, and the monitor's own option for that leaves most of the direct map out. So add_addresses()
walks the kernel's page tables in the dump and gives the file a second set of program headers, at its end, that place
the same bytes where the kernel has them, physical addresses beside them. Nothing is copied; what was in the file stays
where it was.

Only the kernel's half is described: it is the same in all processes, the user halves are not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .errors import MachineError

PT_LOAD, PT_NOTE = 1, 4
EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
PHDR = struct.Struct("<IIQQQQQQ")
NOTE = struct.Struct("<III")
# QEMUCPUState (target/i386/arch_dump.c): version and size, 18 registers, 10 segments of 24 bytes, then cr0 to cr4.
CR3_OFFSET = 8 + 18 * 8 + 10 * 24 + 3 * 8

PRESENT, IS_PAGE = 1 << 0, 1 << 7
ADDRESS = 0x000F_FFFF_FFFF_F000
KERNEL_SLOTS = range(256, 512)  # of the top table
SEGMENTS_MAX = 60000            # e_phnum has 16 bits


@dataclass(frozen=True)
class Run:
    """Bytes at an address, physical or virtual."""

    address: int
    offset: int  # in the file
    count: int


class Dump:
    """A dump as QEMU wrote it: physical memory and notes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.header = EHDR.unpack(self._read(0, EHDR.size))
        if self.header[0][:6] != b"\x7fELF\x02\x01" or self.header[1] != 4:
            raise MachineError("that is no ELF core file for 64 bits; write one with 'dump-guest-memory FILE'")
        self.headers = [PHDR.unpack(self._read(self.header[5] + at * PHDR.size, PHDR.size))
                        for at in range(self.header[10])]
        self.memory = [Run(head[4], head[2], head[5]) for head in self.headers if head[0] == PT_LOAD]

    @property
    def has_addresses(self) -> bool:
        """Whether segments say where the kernel has them. QEMU writes physical addresses, or 0."""
        return any(head[0] == PT_LOAD and head[3] >> 63 for head in self.headers)

    def root(self) -> int:
        """Where the kernel's page tables are: CR3 of core 0, or what `spoor capture --memory` has noted."""
        for head in self.headers:
            if head[0] == PT_NOTE:
                for name, description in self._notes(head[2], head[5]):
                    if name == b"QEMU\0" and len(description) >= CR3_OFFSET + 8:
                        return int(struct.unpack_from("<Q", description, CR3_OFFSET)[0]) & ADDRESS
                    if name == b"SPOOR\0" and len(description) >= 8:
                        return int(struct.unpack_from("<Q", description)[0]) & ADDRESS
        raise MachineError("the dump holds no registers of QEMU's: was it written by dump-guest-memory?")

    def find(self, address: int, count: int) -> int | None:
        """File offset of physical memory; None: it is not in the dump as a whole."""
        for run in self.memory:
            if run.address <= address and address + count <= run.address + run.count:
                return run.offset + address - run.address
        return None

    def read_physical(self, address: int, count: int) -> bytes:
        """Physical memory. MachineError: not all of it is in the dump."""
        offset = self.find(address, count)
        if offset is None:
            raise MachineError(f"{address:#x} is not in the dump")
        return self._read(offset, count)

    def physical(self, offset: int) -> int:
        """The reverse: of memory that lies at an offset of the file."""
        return next(run.address + offset - run.offset for run in self.memory if 0 <= offset - run.offset < run.count)

    def table(self, address: int) -> tuple[int, ...]:
        """A page table."""
        offset = self.find(address, 4096)
        return struct.unpack("<512Q", self._read(offset, 4096)) if offset is not None else (0,) * 512

    def _notes(self, offset: int, count: int) -> Iterator[tuple[bytes, bytes]]:
        data, at = self._read(offset, count), 0
        while at + NOTE.size <= len(data):
            name_bytes, bytes_, _ = NOTE.unpack_from(data, at)
            name_at = at + NOTE.size
            start = name_at + (name_bytes + 3 & ~3)
            yield data[name_at:name_at + name_bytes], data[start:start + bytes_]
            at = start + (bytes_ + 3 & ~3)

    def _read(self, offset: int, count: int) -> bytes:
        self._file.seek(offset)
        data = self._file.read(count)
        if len(data) != count:
            raise MachineError("the dump is cut off")
        return data


def kernel_pages(dump: Dump, root: int) -> Iterator[tuple[int, int, int]]:
    """(virtual address, physical address, bytes) of every page of the kernel's half, in order."""
    top = dump.table(root)
    for slot in KERNEL_SLOTS:
        if top[slot] & PRESENT:
            yield from _pages(dump, top[slot] & ADDRESS, 0xFFFF << 48 | slot << 39, 30)


def _pages(dump: Dump, table: int, base: int, shift: int) -> Iterator[tuple[int, int, int]]:
    for index, entry in enumerate(dump.table(table)):
        address = base + (index << shift)
        if not entry & PRESENT:
            continue
        if shift == 12 or entry & IS_PAGE:
            yield address, entry & ADDRESS & -(1 << shift), 1 << shift
        else:
            yield from _pages(dump, entry & ADDRESS, address, shift - 9)


def kernel_runs(dump: Dump, root: int) -> list[Run]:
    """What of the kernel's half is in the dump, neighbours joined. A page larger than what was dumped counts in part.

    MachineError: too much to be true; damaged tables may well point at each other.
    """
    runs: list[Run] = []
    for address, physical, count in kernel_pages(dump, root):
        for piece in dump.memory:
            start, end = max(physical, piece.address), min(physical + count, piece.address + piece.count)
            if start < end:
                run = Run(address + start - physical, piece.offset + start - piece.address, end - start)
                _append(runs, run, piece)
                if len(runs) > SEGMENTS_MAX:
                    raise MachineError("the page tables in the dump make no sense: core 0 was not in Spoor's kernel?")
    return runs


def _append(runs: list[Run], run: Run, piece: Run) -> None:
    """Add what lies in a piece of memory; neighbours are joined if they are neighbours in memory, too."""
    last = runs[-1] if runs else None
    if (last and last.address + last.count == run.address and last.offset + last.count == run.offset
            and last.offset >= piece.offset):
        runs[-1] = Run(last.address, last.offset, last.count + run.count)
    else:
        runs.append(run)


def add_addresses(path: Path) -> int:
    """Make a dump a core file for gdb, in place; returns the number of segments, 0 if it was one already."""
    with path.open("r+b") as file:
        dump = Dump(file)
        if dump.has_addresses:
            return 0
        runs = kernel_runs(dump, dump.root())
        if not runs:
            raise MachineError("no kernel memory found: core 0 was not in Spoor's kernel when the dump was written")
        heads = [head for head in dump.headers if head[0] == PT_NOTE]
        heads += [(PT_LOAD, 7, run.offset, run.address, dump.physical(run.offset), run.count, run.count, 0)
                  for run in runs]
        place = file.seek(0, 2) + 7 & ~7
        file.seek(place)
        file.write(b"".join(PHDR.pack(*head) for head in heads))
        header = list(dump.header)
        header[5], header[10] = place, len(heads)
        file.seek(0)
        file.write(EHDR.pack(*header))
        return len(runs)
