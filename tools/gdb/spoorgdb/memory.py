# SPDX-License-Identifier: MIT
"""Reading a kernel through gdb: words, texts, lists, names of numbers. Everything is found by symbol and DWARF type."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import gdb

WORD_BYTES = 8
USER_END = 0x7FFFFFFFF000
# More elements than any list of the kernel has: its links are damaged.
LIST_MAX = 100000


@cache
def definitions() -> ModuleType:
    """spoor_gen, the generated definitions, from the build folder that the kernel's ELF file lies in."""
    files = [file.filename for file in gdb.objfiles() if Path(file.filename).name.startswith("kernel")]
    for file in files:
        path = Path(file).resolve().parents[1] / "gen" / "spoor_gen.py"
        spec = importlib.util.spec_from_file_location("spoor_gen", path)
        if path.exists() and spec and spec.loader:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise gdb.GdbError("no build/gen/spoor_gen.py beside the kernel: start gdb with build/MODE/kernel.elf")


def fetched(value: gdb.Value) -> gdb.Value:
    """The same, read as a whole now: one packet over a serial line in place of one for each member."""
    value.fetch_lazy()
    return value


def read_word(address: int) -> int:
    """Eight bytes of kernel memory."""
    return int(gdb.Value(address).cast(gdb.lookup_type("unsigned long").pointer()).dereference())


def read_physical(address: int) -> int:
    """Eight bytes of physical memory, through the direct map."""
    return read_word(int(definitions().LAYOUT["DIRECT_MAP_BASE"]) + address)


def text_of(array: gdb.Value) -> str:
    """A C string in a fixed array."""
    return str(array.string("ascii", errors="replace", length=int(array.type.sizeof))).split("\0", 1)[0]


def enum_name(type_name: str, value: int, prefix: str) -> str:
    """The name of an enumerator without its prefix, in lower case; the number if it has none."""
    for field in gdb.lookup_type(type_name).fields():
        if field.enumval == value:
            return str(field.name).removeprefix(prefix).lower()
    return str(value)


def name_of(numbers: dict[str, int], value: int) -> str:
    """The other way round: the name that has a number; the number if there is none."""
    return next((name for name, number in numbers.items() if number == value), str(value))


@cache
def offset_of(type_name: str, member: str) -> int:
    """Bytes from the start of a struct to a member."""
    for field in gdb.lookup_type(type_name).fields():
        if field.name == member:
            return int(field.bitpos) // 8
    raise gdb.GdbError(f"{type_name} has no member {member}: is this the kernel that gdb has the symbols of?")


def entry_of(node: gdb.Value, type_name: str, member: str) -> gdb.Value:
    """Pointer to the struct that a node is embedded in."""
    return gdb.Value(int(node) - offset_of(type_name, member)).cast(gdb.lookup_type(type_name).pointer())


def walk_list(head: gdb.Value, type_name: str, member: str) -> Iterator[gdb.Value]:
    """Pointers to the elements of a struct list."""
    start = int(head.address)
    node = head["next"]
    for _ in range(LIST_MAX):
        if int(node) in (start, 0):
            return
        yield entry_of(node, type_name, member)
        node = node["next"]
    raise gdb.GdbError("a list has no end: its links are damaged")


def list_length(head: gdb.Value) -> int | None:
    """How many elements; None: never initialised, or damaged."""
    start, node, back = int(head.address), head["next"], int(head.address)
    for count in range(LIST_MAX):
        if int(node) == start:
            return count
        if int(node) == 0 or int(node["prev"]) != back:
            return None
        back, node = int(node), node["next"]
    return None


def walk_tree(node: gdb.Value, depth: int = 64) -> Iterator[gdb.Value]:
    """The nodes of a struct tree in order of keys."""
    if int(node) == 0:
        return
    if depth == 0:
        raise gdb.GdbError("a tree is too high: its links are damaged")
    yield from walk_tree(node["child"][0], depth - 1)
    yield node
    yield from walk_tree(node["child"][1], depth - 1)


def place_of(address: int, is_return: bool = False) -> str:
    """'function+0x12 (file.c:34)'. A return address stands behind its call, so the byte before it decides."""
    inside = address - is_return
    function = _function_at(inside)
    if function is None:
        name = str(gdb.execute(f"info symbol {address:#x}", to_string=True)).split(" in section")[0].replace(" ", "")
        return name if not name.startswith("Nosymbol") else "?"
    line = gdb.find_pc_line(inside)
    where = f" ({line.symtab.filename}:{line.line})" if line.symtab else ""
    return f"{function.function.name}+{address - function.start:#x}{where}"


def _function_at(address: int) -> gdb.Block | None:
    """The block of the function that an address belongs to; of inlined ones, the function they are inlined into."""
    block = gdb.block_for_pc(address)
    found = None
    while block and not block.is_static and not block.is_global:
        found = block if block.function else found
        block = block.superblock
    return found
