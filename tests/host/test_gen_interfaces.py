# SPDX-License-Identifier: MIT
"""tools/gen on interfaces: bad ones are refused with file, key and reason; labels and places are as promised."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gen_tree import ROOT, copy_definitions, generate, must_generate

FILE = "userspace/interfaces/thing.toml"
HEAD = '[interface]\nname = "thing"\nnumber = 9\nversion = 1\ndoc = "d"\n'


def operation(rest: str, name: str = "ask", number: int = 1) -> str:
    return f'[operation.{name}]\nnumber = {number}\ndoc = "d"\n{rest}\n'


def numbers(count: int) -> str:
    return ", ".join(f'{{name = "n{index}", type = "u64"}}' for index in range(count))


HANDLE = '{name = "h", type = "handle", object = "area", rights = ["read"]}'
BYTES = '{name = "b", type = "bytes", max = 8}'

BAD = [
    ("no operation", HEAD + "[operation]\n", ["no operations"]),
    ("another name than its file's", HEAD.replace("thing", "other") + operation(""), ["[interface.name]", "'other'"]),
    ("version 0", HEAD.replace("version = 1", "version = 0") + operation(""), ["[interface.version]", "1..255"]),
    ("operation 0", HEAD + operation("", number=0), ["[operation.ask.number]", "1..255"]),
    ("number twice", HEAD + operation("") + operation("", name="tell"), ["number 1 is taken by ask"]),
    ("unknown key", HEAD + operation("oneway = true"), ["[operation.ask.oneway]", "unknown key"]),
    ("unknown type", HEAD + operation('in = [ {name = "a", type = "u16"} ]'), ["in.a.type", "none of"]),
    ("text out", HEAD + operation('out = [ {name = "a", type = "text", max = 3} ]'), ["goes in only"]),
    ("text without limit", HEAD + operation('in = [ {name = "a", type = "text"} ]'), ["'max' is missing"]),
    ("limit of a number", HEAD + operation('in = [ {name = "a", type = "u64", max = 3} ]'), ["does not go with"]),
    ("unknown object", HEAD + operation('in = [ {name = "h", type = "handle", object = "sofa"} ]'), ["no object type"]),
    ("unknown right", HEAD + operation(f"in = [ {HANDLE.replace('read', 'sit')} ]"), ["no right 'sit'"]),
    ("rights of any object", HEAD + operation(f"in = [ {HANDLE.replace('area', 'any')} ]"), ["the caller says"]),
    ("any object out", HEAD + operation('out = [ {name = "h", type = "handle", object = "any"} ]'), ["goes in only"]),
    ("unknown error", HEAD + operation('errors = ["OOPS"]'), ["no error 'OOPS'"]),
    ("two buffers", HEAD + operation(f"in = [ {BYTES}, {BYTES.replace('b', 'c', 1)} ]"), ["[operation.ask.in"]),
    ("name twice", HEAD + operation(f"in = [ {HANDLE} ]\nout = [ {HANDLE} ]"), ["parameter h is taken"]),
    ("a name that stubs use", HEAD + operation('in = [ {name = "service", type = "u64"} ]'), ["generated code uses"]),
    ("one way with results", HEAD + operation(f"one_way = true\nout = [ {numbers(1)} ]"), ["nothing to bring back"]),
    ("nine numbers", HEAD + operation(f"in = [ {numbers(9)} ]"), ["9 numbers", "8 words"]),
    ("numbers beside handles", HEAD + operation(f"in = [ {numbers(8)}, {HANDLE} ]"), ["8 numbers", "7 words"]),
    ("seven numbers back", HEAD + operation(f"out = [ {numbers(7)} ]"), ["7 numbers", "6 words"]),
    ("two interfaces", HEAD + HEAD + operation(""), [FILE, "(at line 6,"]),
]

# Where the complaint says that it is. HEAD has five lines, operation() begins on the sixth.
LINES = [
    ("a header left open", HEAD + "[operation\n", "(at line 6,"),
    ("a text left open", HEAD.replace('"d"', '"d'), "(at line 5,"),
    ("a list left open", HEAD + operation("in = ["), "(at end of document)"),
    ("a key twice", HEAD + operation("number = 2"), "(at line 9,"),
    ("a key without a value", HEAD + operation("errors ="), "(at line 9,"),
    ("no UTF-8", HEAD + "# \udcff", "can't decode byte 0xff"),
    ("empty", "", f"{FILE}: 'interface' is missing"),
    ("only a comment", "# one", f"{FILE}: 'interface' is missing"),
    ("another name than its file's", HEAD.replace("thing", "other") + operation(""), f"{FILE}:2: [interface.name]"),
    ("an operation's number", HEAD + operation("", number=0), f"{FILE}:7: [operation.ask.number]"),
    ("what is missing", HEAD + "[operation.ask]\nnumber = 1\n", f"{FILE}:6: [operation.ask]: 'doc' is missing"),
    ("a parameter of many", HEAD + operation(f'in = [ {numbers(1)},\n  {{name = "a", type = "u16"}} ]'),
     f"{FILE}:10: [operation.ask.in.a.type]"),
    ("a list in no list", HEAD + operation('in = "a"'), f"{FILE}:9: [operation.ask.in]: must be a list"),
]


def tree_with(tmp_path: Path, text: str) -> Path:
    tree = copy_definitions(tmp_path / "tree")
    (tree / FILE).write_text(text, errors="surrogateescape")
    return tree


@pytest.mark.parametrize("text,expected", [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_interface(tmp_path: Path, text: str, expected: list[str]) -> None:
    done = generate(tree_with(tmp_path, text), tmp_path / "out")
    assert done.returncode == 1 and FILE in done.stderr
    for part in expected:
        assert part in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text,place", [row[1:] for row in LINES], ids=[row[0] for row in LINES])
def test_complaints_name_file_and_line(tmp_path: Path, text: str, place: str) -> None:
    done = generate(tree_with(tmp_path, text), tmp_path / "out")
    assert done.returncode == 1 and FILE in done.stderr and place in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()


def test_two_interfaces_of_one_number(tmp_path: Path) -> None:
    tree = tree_with(tmp_path, HEAD + operation(""))
    (tree / FILE).with_name("thong.toml").write_text(HEAD.replace("thing", "thong") + operation(""))
    done = generate(tree, tmp_path / "out")
    assert done.returncode == 1 and "number 9 is taken by thing" in done.stderr


def test_labels_are_numbers_and_in_the_schema(tmp_path: Path) -> None:
    tree = tree_with(tmp_path, HEAD + operation("", number=7) + operation("", name="tell", number=2))
    output = must_generate(tree, tmp_path / "out")
    assert "THING_ASK = 0x90107," in (output / "gen/interface/thing.h").read_text()
    schema = (output / "gen/trace_schema.h").read_text()
    assert schema.index(f"operation {0x90102} thing.tell") < schema.index(f"operation {0x90107} thing.ask")
    assert "| tell | 2 |" in (output / "doc/interfaces.md").read_text()


def test_scalars_keep_clear_of_buffers_and_handles(tmp_path: Path) -> None:
    output = must_generate(tree_with(tmp_path, HEAD + operation(
        f'in = [ {BYTES}, {numbers(2)}, {HANDLE} ]\nout = [ {{name = "s", type = "u64"}} ]')), tmp_path / "out")
    client = (output / "gen/interface/thing_client.h").read_text()
    assert "message.word[2] = n0;" in client and "message.word[3] = n1;" in client
    assert "*out_s = message.word[0];" in client


def test_every_header_of_the_tree_compiles(tmp_path: Path) -> None:
    """Alone, both sides in one file, and twice: as servers include them that are clients too."""
    output = must_generate(ROOT, tmp_path / "out")
    headers = sorted(path.name for path in (output / "gen/interface").iterdir())
    assert len(headers) >= 9
    for text in [*(f'#include "gen/interface/{name}"\n' for name in headers),
                 "".join(f'#include "gen/interface/{name}"\n' for name in headers) * 2]:
        done = subprocess.run(["gcc", "-std=gnu17", "-ffreestanding", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                               "-Wno-unused", f"-I{output}", f"-I{ROOT}", f"-I{ROOT}/userspace/lib", "-x", "c", "-"],
                              input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
