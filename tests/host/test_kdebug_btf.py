# SPDX-License-Identifier: MIT
"""tools/gen/btf.py: what pahole reads out of its BTF is what it reads out of the DWARF; variables; equal types once."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/gen"))

import btf  # noqa: E402

HEADER = """
struct node { struct node *next; int value; };
struct late;
extern int counts[];
enum colour { RED, GREEN = 5, BELOW = -1 };
struct shape {
    enum colour colour : 8; unsigned flags : 3; struct late *late; char name[8]; long grid[2][3];
    union { int a; char b[4]; }; struct { short deep; } inner; void (*call)(int, char); struct node list;
};
"""
FIRST = HEADER + """
struct node first; int counts[7]; static struct shape shape; struct shape *keep(void) { return &shape; }
"""
SECOND = HEADER + """
struct late { struct shape inside; int x; }; struct late late; _Atomic int shared; extern struct node first;
struct node *second(void) { return &first; }
"""


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("btf")
    objects = []
    for name, text in (("first", FIRST), ("second", SECOND)):
        (folder / f"{name}.c").write_text(text)
        objects.append(str(folder / f"{name}.o"))
        subprocess.run(["gcc", "-g", "-O1", "-fno-pic", "-mcmodel=kernel", "-c", str(folder / f"{name}.c"), "-o",
                        objects[-1]], check=True)
    target = folder / "image.elf"
    subprocess.run(["ld", "-Ttext=0xffffffff80001000", "-Tdata=0xffffffff80002000", "-Tbss=0xffffffff80003000",
                    "-e", "keep", "-o", str(target), *objects], check=True)
    return target


def members(text: str) -> list[str]:
    """Lines of pahole's picture that give a place: name, offset, bytes; without blanks. Parameters are left out of our
    BTF on purpose; pahole 1.24 shows the dimensions of BTF's arrays backwards (test_kdebug_types asks the compiler)."""
    rows = [" ".join(line.split()) for line in text.splitlines() if "/*" in line and ";" in line]
    return [row for row in rows if "call" not in row and "grid" not in row]


def pahole(kind: str, name: str, path: Path) -> list[str]:
    done = subprocess.run(["pahole", "-F", kind, "-C", name, str(path)], capture_output=True, text=True, check=True)
    return members(done.stdout)


@pytest.mark.parametrize("name", ["node", "shape", "late"])
def test_pahole_sees_the_same_in_both(elf: Path, tmp_path: Path, name: str) -> None:
    table = tmp_path / "types.btf"
    table.write_bytes(btf.make_table(elf))
    ours = pahole("btf", name, table)
    assert len(ours) >= 2
    assert ours == pahole("dwarf", name, elf)


def records(elf: Path) -> list[btf.Record]:
    builder = btf.Builder(btf.dwarf.read_units(elf))
    builder.build()
    return builder.records


def test_a_type_of_two_units_is_there_once(elf: Path) -> None:
    found = records(elf)
    assert [record.name for record in found if record.kind == btf.STRUCT].count("node") == 1
    assert [record.name for record in found if record.kind == btf.FWD] == []  # "late" is whole elsewhere


def test_variables_have_address_type_and_size(elf: Path) -> None:
    found = records(elf)
    nm = subprocess.run(["nm", str(elf)], capture_output=True, text=True, check=True).stdout
    address = {row.split()[2]: int(row.split()[0], 16) - btf.KERNEL_IMAGE_BASE for row in nm.splitlines()}
    words = found[-1].words
    rows = {found[words[i]].name: (words[i + 1], words[i + 2]) for i in range(0, len(words), 3)}
    assert rows == {"first": (address["first"], 16), "counts": (address["counts"], 28),
                    "shape": (address["shape"], rows["shape"][1]), "late": (address["late"], rows["shape"][1] + 8),
                    "shared": (address["shared"], 4)}
    assert words[1::3] == sorted(words[1::3])


def test_an_elf_without_types_gives_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "a.asm").write_text("nop\n")
    subprocess.run(["nasm", "-f", "elf64", "-o", str(tmp_path / "a.o"), str(tmp_path / "a.asm")], check=True)
    table = btf.make_table(tmp_path / "a.o")
    magic, _version, _flags, header, _types, length, _strings, _bytes = struct.unpack_from("<HBB5I", table)
    assert (magic, header, length) == (btf.MAGIC, 24, 12)  # only the section of variables, with none in it
