# SPDX-License-Identifier: MIT
"""tools/gen/frames.py: at each instruction of a small program the rule that readelf finds, or none."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from bisect import bisect_right
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/gen"))

import frames  # noqa: E402
from frames import Rule  # noqa: E402

SOURCE = """
long away(long); void use(void *);
long leaf(long a) { return a + 1; }
long keeps(long a, long b, long c, long d, long e) { long r = away(b) + away(c) + away(d) + away(e) + away(a);
    return r + a + b + c + d + e; }
long wraps(long a, long b) { if (a == 0) return b; return away(a) + away(b) + a; }
long aligns(long a) { struct { char bytes[64]; } __attribute__((aligned(64))) big; use(&big); return a; }
long grows(long a) { use(__builtin_alloca(a)); return a; }
void ends(long a) { away(a); __builtin_unreachable(); }
"""
NAMES = {3: "rbx", 6: "rbp", 12: "r12", 13: "r13", 14: "r14", 15: "r15"}


@pytest.fixture(scope="module", params=["-O2", "-Os"])
def elf(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path_factory.mktemp("frames")
    (folder / "one.c").write_text(SOURCE)
    flags = ["-g", request.param, "-fno-omit-frame-pointer", "-fno-asynchronous-unwind-tables", "-fno-pic",
             "-mcmodel=kernel", "-fcf-protection=none", "-fno-stack-protector"]
    subprocess.run(["gcc", *flags, "-c", str(folder / "one.c"), "-o", str(folder / "one.o")], check=True)
    elsewhere = [f"--defsym={name}=0xffffffff80000000" for name in ("away", "use")]
    subprocess.run(["ld", "-Ttext=0xffffffff80001000", "-e", "leaf", *elsewhere, "-o", str(folder / "one.elf"),
                    str(folder / "one.o")], check=True)
    return folder / "one.elf"


def read(table: bytes) -> tuple[list[int], list[int]]:
    """Addresses, and the rule from each on."""
    magic, version, rules, rows = struct.unpack_from("<4I", table)
    assert (magic, version, len(table)) == (frames.MAGIC, frames.VERSION, 16 + 4 * (rules + rows))
    words = struct.unpack_from(f"<{rules + rows}I", table, 16)
    return ([frames.KERNEL_IMAGE_BASE + (row >> 8) for row in words[rules:]],
            [words[row & 0xff] for row in words[rules:]])


def saved_by(code: int) -> dict[str, int]:
    words = {NAMES[register]: code >> (2 + 4 * i) & 15 for i, register in enumerate(frames.KEPT)}
    return {name: count for name, count in words.items() if count}


def expected(elf: Path) -> dict[int, tuple[str, dict[str, int]]]:
    """What readelf says from each address on: where the frame ends, saved registers."""
    done = subprocess.run(["readelf", "-wF", str(elf)], capture_output=True, text=True, check=True)
    rows: dict[int, tuple[str, dict[str, int]]] = {}
    columns: list[str] = []
    for line in done.stdout.splitlines():
        function = re.search(r" pc=(\w+)\.\.(\w+)", line)
        if function:
            rows.setdefault(int(function[2], 16), ("", {}))
            rows[int(function[1], 16)] = ("rsp+8", {})  # what all begin with; rows may follow
        elif line.split()[:1] == ["LOC"]:
            columns = line.split()[1:]
        elif re.match(r"[0-9a-f]{16} ", line) and int(line.split()[0], 16) >= frames.KERNEL_IMAGE_BASE:
            cells = dict(zip(columns, line.split()[1:], strict=True))
            saved = {name: int(cell[2:]) // 8 for name, cell in cells.items()
                     if re.fullmatch(r"c-\d+", cell) and name != "ra"}
            rows[int(line.split()[0], 16)] = (cells["CFA"], saved)
    return rows


def test_each_instruction(elf: Path) -> None:
    addresses, codes = read(frames.make_table(elf))
    rows = expected(elf)
    places = sorted(rows)
    bases = {code: f"{'rsp' if register == frames.RSP else 'rbp'}+{offset}"
             for (register, offset), code in frames.BASES.items()}
    seen, unknown = set(), 0
    for address in range(places[0], places[-1]):
        base, saved = rows[places[bisect_right(places, address) - 1]]
        code = codes[bisect_right(addresses, address) - 1]
        if code == 0:
            unknown += base in bases.values()
            continue
        seen.add(bases[code & 3])
        ours = saved_by(code)
        assert bases[code & 3] == base and saved.items() <= ours.items(), (hex(address), base, saved, ours)
        # What is to be pushed next lies below what has been.
        assert all(words > max(saved.values()) for name, words in ours.items() if name not in saved), hex(address)
    assert seen == {"rsp+8", "rsp+16", "rbp+16"} and unknown == 0
    assert addresses == sorted(addresses) and codes[-1] == 0
    assert len(addresses) < len(rows)


@pytest.mark.parametrize(("rule", "code"), [
    (Rule(), 0), (Rule((7, 8)), 1), (Rule((7, 16), ((6, 2),)), 2 | 2 << 6),
    (Rule((6, 16), ((3, 15), (6, 2))), 3 | 15 << 2 | 2 << 6),
    (Rule((6, 16), ((6, 2), (15, 3))), 3 | 2 << 6 | 3 << 22), (Rule((7, 24)), 0), (Rule((10, 16)), 0),
    (Rule((6, 16), ((3, 16),)), 0), (Rule((6, 16), ((3, 0),)), 0), (Rule((6, 16), ((0, 3),)), 0)])
def test_what_cannot_be_said_is_not_known(rule: Rule, code: int) -> None:
    assert rule.encode() == code


@pytest.mark.parametrize("code", [b"\x0f\x03\x77\x08\x06", b"\x10\x06\x02\x76\x00", b"\x07\x03", b"\x14\x03\x01",
                                  b"\x3f"])
def test_after_an_operation_that_is_not_known_nothing_is(code: bytes) -> None:
    machine = frames.Machine(frames.Common(), 0x1000, Rule((7, 8)))
    machine.run(b"\x41" + code + b"\x41\x0c\x07\x08")
    assert [row[1].encode() for row in machine.rows] == [1, 0]


def test_states_are_kept_and_come_back() -> None:
    machine = frames.Machine(frames.Common(), 0x1000, Rule((7, 8)))
    machine.run(b"\x41\x0e\x10\x86\x02\x43\x0d\x06\x0a\x02\x10\xc6\x0c\x07\x08\x41\x0b\x00")
    assert [(row[0] - 0x1000, row[1].encode()) for row in machine.rows] == \
        [(0, 1), (1, 2 | 2 << 6), (4, 3 | 2 << 6), (20, 1), (21, 3 | 2 << 6)]


def test_too_much_is_an_error() -> None:
    with pytest.raises(ValueError, match="rules"):
        frames.encode([(i, i) for i in range(300)])
    with pytest.raises(ValueError, match="0x1000000"):
        frames.encode([(0x1000000, 1)])
