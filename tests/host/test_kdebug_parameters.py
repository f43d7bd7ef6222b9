# SPDX-License-Identifier: MIT
"""tools/gen/parameters.py: names and places of parameters, out of what gcc makes of a small program."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/gen"))

import parameters  # noqa: E402

SOURCE = """
struct pair { long a, b, c; };
__attribute__((noipa)) void away(void *);
long kept(long first, int second, struct pair whole, char unused) { away(&first); return first + second + whole.a; }
long twice(unsigned char small, const char *text);
long twice(unsigned char small, const char *text) { away((void *)text); return small; }
void away(void *p) { __asm__ volatile("" :: "r"(p) : "memory"); }
long seventh(long a, long b, long c, long d, long e, long f, int g) { return g; }
void nothing(void) { away(0); }
"""


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parameters")
    (folder / "one.c").write_text(SOURCE)
    flags = ["-g", "-O2", "-fno-omit-frame-pointer", "-fno-inline", "-fno-ipa-cp", "-fno-ipa-ra", "-fno-pic",
             "-mcmodel=kernel"]
    subprocess.run(["gcc", *flags, "-c", str(folder / "one.c"), "-o", str(folder / "one.o")], check=True)
    subprocess.run(["ld", "-Ttext=0xffffffff80001000", "-e", "nothing", "-o", str(folder / "one.elf"),
                    str(folder / "one.o")], check=True)
    return folder / "one.elf"


def read(table: bytes) -> dict[int, tuple[str, list[tuple[int, ...]]]]:
    magic, version, functions, ranges, _ = struct.unpack_from("<5I", table)
    assert (magic, version) == (parameters.MAGIC, parameters.VERSION)
    rows = [struct.unpack_from("<3I", table, 20 + 12 * i) for i in range(functions)]
    places = [struct.unpack_from("<IHBBi", table, 20 + 12 * (functions + i)) for i in range(ranges)]
    names = table[20 + 12 * (functions + ranges):]
    ends = [row[2] for row in rows[1:]] + [ranges]
    return {row[0]: (names[row[1]:names.index(b"\0", row[1])].decode(), places[row[2]:end])
            for row, end in zip(rows, ends, strict=True)}


def test_names_sizes_and_places(elf: Path) -> None:
    done = subprocess.run(["nm", elf], capture_output=True, text=True, check=True)
    address = {row.split()[2]: int(row.split()[0], 16) - parameters.KERNEL_IMAGE_BASE
               for row in done.stdout.splitlines()}
    found = read(parameters.make_table(elf))
    assert {found[address[name]][0] for name in ("kept", "twice", "away")} == \
        {"first second whole unused", "small text", "p"}
    assert address["nothing"] not in found
    at_start = {place[2] >> 4: place[2:] for place in found[address["kept"]][1] if place[0] == address["kept"]}
    assert found[address["seventh"]][0] == "a b c d e f g"
    assert found[address["seventh"]][1][-1][2:] == (6 << 4 | 4, parameters.FRAME, 0)
    assert at_start[0] == (0 << 4 | 8, parameters.REGISTER, 5)
    assert at_start[1] == (1 << 4 | 4, parameters.REGISTER, 4)
    assert 2 not in at_start  # a structure has no single value
    small = [place for place in found[address["twice"]][1] if place[2] == 1]
    assert small[0][3:] == (parameters.REGISTER, 5)


@pytest.mark.parametrize(("expression", "place"), [
    (b"\x55", (parameters.REGISTER, 5)), (b"\x91\x68", (parameters.FRAME, -24)),
    (b"\x30\x9f", (parameters.CONSTANT, 0)),
    (b"\x09\xff\x9f", (parameters.CONSTANT, -1)), (b"\x0c\1\0\0\0\x9f", (parameters.CONSTANT, 1)),
    (b"\xa3\x01\x55\x9f", None), (b"\x75\x08", None), (b"", None), (b"\x91\x68\x06", None), (b"\x31", None),
])
def test_only_simple_places_count(expression: bytes, place: tuple[int, int] | None) -> None:
    assert parameters.place_of(expression) == place
