# SPDX-License-Identifier: MIT
"""tools/gen/lines.py: what it takes from readelf, and the form that kdebug reads."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/gen"))

import lines  # noqa: E402

READELF = """\
Contents of the .debug_line section:

CU: kernel/sync/lock.c:
File name                            Line number    Starting address    View    Stmt
lock.c                                        12  0xffffffff80001000               x
lock.c                                        13  0xffffffff80001000       1       x
lock.c                                        13  0xffffffff80001004

./kernel/arch/cpu.h:
cpu.h                                         70  0xffffffff80001008               x
lock.c                                         -  0xffffffff80001010

CU: kernel/mm/heap.c:
heap.c                                         5  0xffffffff80002000
heap.c                                     70000  0xffffffff80002004
heap.c                                         -  0xffffffff80002010
heap.c                                         9  0x0
"""


def test_rows_of_the_image_in_order() -> None:
    assert lines.parse_readelf(READELF) == [
        (0x1000, "kernel/sync/lock.c", 13), (0x1008, "kernel/arch/cpu.h", 70), (0x1010, "", 0),
        (0x2000, "kernel/mm/heap.c", 5), (0x2004, "kernel/mm/heap.c", 65535), (0x2010, "", 0)]


def test_code_that_begins_where_other_code_ends_has_its_line() -> None:
    text = READELF.replace("0xffffffff80002000", "0xffffffff80001010")
    assert (0x1010, "kernel/mm/heap.c", 5) in lines.parse_readelf(text)


def test_form_of_the_table() -> None:
    rows = [(0x1000 + 4 * n, "a.c" if n < 65 else "b.c", 100 - n) for n in range(66)]
    table = lines.build_table(rows)
    magic, version, count, files, names_bytes, body_bytes = struct.unpack_from("<6I", table)
    assert (magic, version, count, files) == (0x4E494C4B, 1, 66, 3)
    assert struct.unpack_from("<IIHH", table, 24) == (0x1000, 0, 1, 100)
    assert struct.unpack_from("<IIHH", table, 36) == (0x1100, 126, 1, 36)  # 63 rows of two bytes before it
    assert table[60:60 + names_bytes] == b"\0a.c\0b.c\0\0\0\0"
    body = table[60 + names_bytes:]
    assert len(body) == body_bytes and body[:2] == bytes([8, 1]) and body[-3:] == bytes([9, 2, 1])
