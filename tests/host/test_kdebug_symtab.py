# SPDX-License-Identifier: MIT
"""tools/gen/symtab.py: what it takes from nm, the order it gives, and that the table reads back."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/gen"))

import symtab  # noqa: E402

BASE = symtab.KERNEL_IMAGE_BASE

NM = f"""\
{BASE + 0x1000:016x} T kernel_main
{BASE + 0x1000:016x} T text_start
{BASE + 0x1040:016x} t helper.part.0
{BASE + 0x2000:016x} r table
{BASE + 0x2000:016x} R __start_table
{BASE + 0x3000:016x} b counter
{BASE + 0x3008:016x} D ring
{BASE + 0x3010:016x} t helper.part.0
{0x20:016x} a CONSTANT
{BASE - 0x1000:016x} T below
{BASE + 0x1050:016x} t .Llabel
                 U undefined
"""


def test_only_symbols_of_the_image_in_order() -> None:
    rows = [(symbol.offset, symbol.kind, symbol.name) for symbol in symtab.parse_nm(NM)]
    assert rows == [
        (0x1000, "T", "text_start"), (0x1000, "T", "kernel_main"),  # the better name is last
        (0x1040, "T", "helper.part.0"),
        (0x2000, "R", "__start_table"), (0x2000, "R", "table"),
        (0x3000, "B", "counter"), (0x3008, "D", "ring"), (0x3010, "T", "helper.part.0"),
    ]


def test_table_reads_back() -> None:
    symbols = symtab.parse_nm(NM)
    assert symtab.read_table(symtab.build_table(symbols)) == symbols


def test_names_are_sorted_and_terminated() -> None:
    symbols = symtab.parse_nm(NM)
    table = symtab.build_table(symbols)
    magic, version, count, names_bytes = struct.unpack_from("<4I", table)
    assert (magic, version, count) == (0x4D59534B, 1, len(symbols))
    assert len(table) == 16 + 12 * count + names_bytes
    assert table[-1] == 0
    order = struct.unpack_from(f"<{count}I", table, 16 + 8 * count)
    assert sorted(order) == list(range(count))
    names = [symbols[i].name for i in order]
    assert names == sorted(names)


def test_size_depends_on_names_only() -> None:
    moved = NM.replace(f"{BASE + 0x3010:016x}", f"{BASE + 0x9990:016x}")
    assert len(symtab.build_table(symtab.parse_nm(NM))) == len(symtab.build_table(symtab.parse_nm(moved)))


def test_nothing_gives_an_empty_table() -> None:
    assert symtab.build_table([]) == b""
    assert symtab.read_table(b"") == []


def test_foreign_data_is_refused() -> None:
    with pytest.raises(ValueError):
        symtab.read_table(bytes(64))


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no compiler")
def test_from_a_linked_file(tmp_path: Path) -> None:
    source, elf, table = tmp_path / "a.c", tmp_path / "a.elf", tmp_path / "a.bin"
    source.write_text("int counter; static int helper(void) { return counter; }\n"
                      "int entry(void) { return helper() + 1; }\n")
    subprocess.run(["gcc", "-O0", "-ffreestanding", "-fno-pic", "-mcmodel=kernel", "-nostdlib", "-static", "-no-pie",
                    f"-Wl,-Ttext={BASE + 0x1000:#x},-Tdata={BASE + 0x4000:#x},-e,entry", "-o", str(elf), str(source)],
                   check=True)
    subprocess.run([sys.executable, str(ROOT / "tools/gen/symtab.py"), str(elf), str(table)], check=True)
    names = {symbol.name: symbol for symbol in symtab.read_table(table.read_bytes())}
    assert names["entry"].kind == names["helper"].kind == "T"
    assert names["counter"].kind == "B"
    listing = subprocess.run([sys.executable, str(ROOT / "tools/gen/symtab.py"), "--list", str(table)],
                             check=True, capture_output=True, text=True).stdout
    assert f"{BASE + names['entry'].offset:016x} T entry\n" in listing


def test_a_file_that_is_none(tmp_path: Path) -> None:
    missing = subprocess.run([sys.executable, str(ROOT / "tools/gen/symtab.py"), str(tmp_path / "no.elf"), "/dev/null"],
                             capture_output=True, text=True)
    assert missing.returncode == 1
    assert "no.elf" in missing.stderr
