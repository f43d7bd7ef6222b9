# SPDX-License-Identifier: MIT
"""Memory dumps become core files with the kernel's addresses (tools/qemu/core.py)."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from qemu.core import EHDR, PHDR, PT_LOAD, PT_NOTE, add_addresses  # noqa: E402
from qemu.errors import MachineError  # noqa: E402

PAGE = 4096
BASE = 0x100000  # where the dumped memory begins
PRESENT, LARGE = 1, 0x80


def table(entries: dict[int, int]) -> bytes:
    return b"".join(struct.pack("<Q", entries.get(index, 0)) for index in range(512))


def note(name: bytes, description: bytes) -> bytes:
    padded = name + bytes(-len(name) % 4)
    return struct.pack("<III", len(name), len(description), 1) + padded + description + bytes(-len(description) % 4)


def dump(pages: list[bytes], cr3: int | None = BASE) -> bytes:
    """Notes, then memory from BASE on."""
    registers = bytearray(440)
    struct.pack_into("<Q", registers, 8 + 18 * 8 + 10 * 24 + 3 * 8, cr3 or 0)
    notes = note(b"CORE\0", b"x" * 336) + (note(b"QEMU\0", bytes(registers)) if cr3 is not None else b"")
    start = EHDR.size + 2 * PHDR.size
    memory = b"".join(pages)
    head = EHDR.pack(b"\x7fELF\x02\x01\x01" + bytes(9), 4, 62, 1, 0, EHDR.size, 0, 0, 64, 56, 2, 0, 0, 0)
    return (head + PHDR.pack(PT_NOTE, 0, start, 0, 0, len(notes), len(notes), 0)
            + PHDR.pack(PT_LOAD, 0, start + len(notes), BASE, BASE, len(memory), len(memory), 0) + notes + memory)


def page(number: int) -> int:
    return BASE + number * PAGE


PAGES = [
    table({0: page(1) | PRESENT, 256: page(1) | PRESENT, 511: page(2) | PRESENT}),  # the user's half is left out
    table({0: PRESENT | LARGE}),                        # 1 GiB of direct map, of which little was dumped
    table({510: page(3) | PRESENT, 5: 0xDEAD0000 | PRESENT}),  # a table that is not in the dump
    table({0: page(4) | PRESENT}),
    table({0: page(5) | PRESENT, 1: page(6) | PRESENT, 3: page(5) | PRESENT, 4: 0}),
    b"A" * PAGE, b"B" * PAGE,
]


def segments(path: Path) -> list[tuple[int, bytes]]:
    data = path.read_bytes()
    header = EHDR.unpack_from(data)
    heads = [PHDR.unpack_from(data, header[5] + at * PHDR.size) for at in range(header[10])]
    assert [head[0] for head in heads] == [PT_NOTE] + [PT_LOAD] * (len(heads) - 1)
    return [(head[3], data[head[2]:head[2] + head[5]]) for head in heads[1:]]


def test_segments_say_where_the_kernel_has_its_memory(tmp_path: Path) -> None:
    path = tmp_path / "core"
    path.write_bytes(dump(PAGES))
    assert add_addresses(path) == 3
    assert segments(path) == [(0xFFFF800000000000 + BASE, b"".join(PAGES)),
                              (0xFFFFFFFF80000000, b"A" * PAGE + b"B" * PAGE), (0xFFFFFFFF80003000, b"A" * PAGE)]
    before = path.read_bytes()
    assert add_addresses(path) == 0 and path.read_bytes() == before


@pytest.mark.parametrize(("data", "words"), [
    (b"", "cut off"), (b"text" * 40, "no ELF core"), (dump(PAGES)[:150], "cut off"), (dump(PAGES, None), "registers"),
    (dump([table({})]), "no kernel memory"), (dump(PAGES, 0xDEAD0000), "no kernel memory"),
    (dump([table(dict.fromkeys(range(512), BASE | PRESENT))]), "make no sense")])
def test_what_is_no_dump_is_refused_and_left_alone(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "core"
    path.write_bytes(data)
    with pytest.raises(MachineError, match=words):
        add_addresses(path)
    assert path.read_bytes() == data
