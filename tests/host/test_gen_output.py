# SPDX-License-Identifier: MIT
"""What tools/gen writes: the same every time, only when it changed, and C that compiles alone."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gen_tree import ROOT, copy_definitions, generate, must_generate

HEADERS_USER = ("errors", "objects", "layout", "syscall_numbers", "syscall_user", "trace_events", "trace_schema",
                "trace_table")
HEADERS_KERNEL = ("syscall_handlers", "trace_emit")


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return must_generate(ROOT, tmp_path_factory.mktemp("gen"))


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def load_facts(output: Path):
    spec = importlib.util.spec_from_file_location("facts", output / "spoor_gen.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_two_runs_write_the_same(output: Path, tmp_path: Path) -> None:
    assert contents(must_generate(ROOT, tmp_path)) == contents(output)


def test_first_line_names_source_and_tool(output: Path) -> None:
    for name, text in contents(output).items():
        first = text.splitlines()[0]
        assert "tools/gen/gen.py" in first and ".toml" in first, name


def test_unchanged_files_are_not_touched(tmp_path: Path) -> None:
    tree = copy_definitions(tmp_path / "tree")
    must_generate(tree, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*") if path.is_file()}
    errors = tree / "kernel/abi/errors.toml"
    errors.write_text(errors.read_text().replace("The deadline passed first.", "Too late."))
    must_generate(tree, tmp_path / "out")
    changed = {path.name for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert changed == {"errors.h", "errors.md"}


def test_makefile_knows_every_c_output() -> None:
    listed = subprocess.run([sys.executable, str(ROOT / "tools/gen/gen.py"), "--list", "x"], capture_output=True,
                            text=True, check=True).stdout.split()
    makefile = (ROOT / "Makefile").read_text()
    block = re.search(r"GEN_FILES := .*?\n\n", makefile, re.S)
    assert block
    for name in listed:
        if name.startswith("gen/"):
            assert name.removeprefix("gen/") in block[0], name


def compile_header(output: Path, name: str, flags: list[str]) -> None:
    source = f'#include "gen/{name}.h"\n#include "gen/{name}.h"\n'
    command = ["gcc", "-std=gnu17", "-ffreestanding", "-Wall", "-Wextra", "-Wundef", "-Werror", "-fsyntax-only",
               f"-I{output}", *flags, "-x", "c", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", HEADERS_USER)
def test_header_compiles_with_nothing_else(output: Path, name: str) -> None:
    compile_header(output, name, [])


@pytest.mark.parametrize("name", HEADERS_KERNEL)
def test_kernel_header_compiles_alone(output: Path, name: str) -> None:
    compile_header(output, name, [f"-I{ROOT}", f"-I{ROOT / 'kernel'}", "-mcmodel=kernel", "-fno-pic"])


def test_schema_text_and_hash_agree_between_c_and_python(output: Path) -> None:
    facts = load_facts(output)
    source = ('#include "gen/trace_schema.h"\n#include <stdio.h>\n'
              'int main(void) { printf("%llx %u\\n%s", TRACE_SCHEMA_HASH, TRACE_SCHEMA_BYTES, TRACE_SCHEMA_TEXT); }\n')
    program = output / "schema"
    subprocess.run(["gcc", f"-I{output}", "-x", "c", "-", "-o", str(program)], input=source, text=True, check=True)
    first, text = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout.split("\n", 1)
    assert text == facts.SCHEMA_TEXT
    assert [int(first.split()[0], 16), int(first.split()[1])] == [facts.SCHEMA_HASH, len(text)]
    value = 0xcbf29ce484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001b3 % 2**64
    assert value == facts.SCHEMA_HASH


def test_schema_does_not_depend_on_docs(tmp_path: Path, output: Path) -> None:
    tree = copy_definitions(tmp_path / "tree")
    events = tree / "trace/events/events.toml"
    events.write_text(re.sub(r'doc = "[^"]*"', 'doc = "other words"', events.read_text()))
    changed = load_facts(must_generate(tree, tmp_path / "out"))
    assert changed.SCHEMA_HASH == load_facts(output).SCHEMA_HASH


def test_rights_and_numbers_agree_between_c_and_python(output: Path) -> None:
    facts = load_facts(output)
    lines = ['#include "gen/objects.h"', '#include "gen/errors.h"', '#include "gen/layout.h"',
             '#include "gen/syscall_numbers.h"', '#include "gen/trace_events.h"']
    for name, value in facts.ERRORS.items():
        lines.append(f"_Static_assert({name if name == 'OK' else 'ERR_' + name} == {value}, \"\");")
    for name, number in facts.OBJECTS.items():
        lines.append(f"_Static_assert(OBJECT_{name.upper()} == {number}, \"\");")
        lines.append(f"_Static_assert(RIGHTS_{name.upper()} == {sum(facts.RIGHTS[name].values())}, \"\");")
    lines += [f"_Static_assert({name} == {value}ull, \"\");" for name, value in facts.LAYOUT.items()]
    lines += [f"_Static_assert(SYSCALL_{name.upper()} == {call['number']}, \"\");"
              for name, call in facts.SYSCALLS.items()]
    lines += [f"_Static_assert(TRACE_EVENT_{name.upper().replace('.', '_')} == {item['id']}, \"\");"
              for name, item in facts.EVENTS.items()]
    done = subprocess.run(["gcc", "-fsyntax-only", f"-I{output}", "-x", "c", "-"], input="\n".join(lines) + "\n",
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_removing_an_event_frees_no_other_id(tmp_path: Path) -> None:
    """Ids are written down, not counted: taking one away moves nothing."""
    tree = copy_definitions(tmp_path / "tree")
    before = load_facts(must_generate(tree, tmp_path / "a")).EVENTS
    events = tree / "trace/events/events.toml"
    events.write_text(re.sub(r'\[event\."user\.mark"\].*?(?=\n\[)', "", events.read_text(), flags=re.S))
    assert generate(tree, tmp_path / "b").returncode == 0
    after = load_facts(tmp_path / "b").EVENTS
    assert {name: item["id"] for name, item in before.items() if name != "user.mark"} == \
        {name: item["id"] for name, item in after.items()}
