# SPDX-License-Identifier: MIT
"""The Makefile, in a small tree of its own: what is rebuilt when, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gen_tree import ROOT, copy_definitions

SPDX = "/* SPDX-License-Identifier: MIT */\n"
FILES = {
    "tools/toy/module.mk": "HOST_TOOLS += toy\nHOST_toy_SRC := tools/toy/main.c tools/toy/part.c $(GEN)/trace_table.c\n"
                           "HOST_TESTS += test_toy\nHOST_test_toy_SRC := tools/toy/main.c tools/toy/part.c\n",
    "tools/toy/main.c": SPDX + '#include "tools/toy/part.h"\n#include "gen/errors.h"\n'
                               "int main(void)\n{\n    return part();\n}\n",
    "tools/toy/part.c": SPDX + '#include "tools/toy/part.h"\nint part(void)\n{\n    return PART;\n}\n',
    "tools/toy/part.h": SPDX + "#pragma once\n#define PART 0\nint part(void);\n",
    "userspace/module.mk": "USER_LIB_SRC += userspace/lib/start.c\nUSER_PROGRAMS += hello\n"
                           "USER_hello_SRC := userspace/hello.c\n",
    "userspace/lib/user.ld": "ENTRY(start)\nSECTIONS\n{\n    . = 0x400000;\n    .text : { *(.text*) }\n}\n",
    "userspace/lib/start.c": SPDX + "int main(void);\nvoid start(void);\nvoid start(void)\n{\n    main();\n}\n",
    "userspace/hello.c": SPDX + "int main(void);\nint main(void)\n{\n    return CONFIG_TEST;\n}\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    copy_definitions(tmp_path)
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("gen", "lint"):
        shutil.copytree(ROOT / "tools" / name, tmp_path / "tools" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("deps.sh", "deps.txt"):
        shutil.copy(ROOT / "tools" / name, tmp_path / "tools")
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def make(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items()
                   if key not in ("BUILD", "MODE", "CPUS", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "V", "CC")}
    return subprocess.run(["make", "CFLAGS_userspace/hello.c=-DCONFIG_TEST=1", *arguments], cwd=tree, env=environment,
                          capture_output=True, text=True, check=False)


def built(tree: Path, *arguments: str) -> list[str]:
    """What make says it did."""
    done = make(tree, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


ALL = ("tools", "user", "host-tests")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_builds_in_parallel_and_then_has_nothing_to_do(tree: Path) -> None:
    assert len(built(tree, "-j4", *ALL)) > 5
    assert [line for line in built(tree, *ALL) if not line.startswith("make: Nothing")] == []
    assert (tree / "build/debug/user/hello").exists() and (tree / "build/tools/toy").exists()


def test_everything_built_is_in_the_build_folder(tree: Path) -> None:
    before = {path for path in tree.rglob("*")}
    built(tree, *ALL)
    new = {path.relative_to(tree).parts[0] for path in tree.rglob("*") if path not in before
           and "__pycache__" not in path.parts}
    assert new == {"build"}


def test_a_header_rebuilds_what_includes_it(tree: Path) -> None:
    built(tree, "tools")
    edit(tree / "tools/toy/part.h", "PART 0", "PART 1")
    assert built(tree, "tools") == ["HOSTCC tools/toy/main.c", "HOSTCC tools/toy/part.c", "HOSTLD build/tools/toy"]


def test_a_definition_rebuilds_what_includes_its_header(tree: Path) -> None:
    built(tree, "tools")
    edit(tree / "kernel/abi/errors.toml", "The deadline passed first.", "Too late.")
    assert built(tree, "tools") == ["GEN build/gen", "HOSTCC tools/toy/main.c", "HOSTLD build/tools/toy"]


def test_a_touched_definition_rebuilds_nothing_more(tree: Path) -> None:
    built(tree, "tools")
    (tree / "kernel/abi/errors.toml").touch()
    assert built(tree, "tools") == ["GEN build/gen"]


def test_modes_live_side_by_side(tree: Path) -> None:
    built(tree, "user")
    built(tree, "user", "MODE=release")
    assert [line for line in built(tree, "user") if "Nothing" not in line] == []
    assert (tree / "build/debug/user/hello").exists() and (tree / "build/release/user/hello").exists()


def test_other_flags_rebuild(tree: Path) -> None:
    built(tree, "user")
    assert len(built(tree, "user", "WARNINGS=-Wall")) == 3


def test_an_error_leaves_no_half_made_file(tree: Path) -> None:
    edit(tree / "tools/toy/part.c", "return PART;", "return PRAT;")
    done = make(tree, "tools")
    assert done.returncode != 0 and "PRAT" in done.stderr
    assert not (tree / "build/tools/toy").exists()


def test_v_shows_the_commands(tree: Path) -> None:
    assert any(line.startswith("gcc ") and "-c tools/toy/part.c" in line for line in built(tree, "V=1", "tools"))


def test_an_unknown_mode_is_refused(tree: Path) -> None:
    done = make(tree, "MODE=fast")
    assert done.returncode != 0 and "MODE is debug or release, not 'fast'" in done.stderr


def test_help_lists_every_target(tree: Path) -> None:
    text = make(tree, "help").stdout
    for target in ("all", "deps", "demo", "run", "gdb", "trace", "bench", "test", "test-host", "test-system", "lint",
                   "format", "acceptance", "manual", "size", "clean", "help", "test-long", "test-browser", "soak",
                   "fuzz", "mutants", "compile_commands.json"):
        assert f"  make {target} " in text


def test_compile_commands_hold_every_source(tree: Path) -> None:
    built(tree, "compile_commands.json")
    text = (tree / "compile_commands.json").read_text()
    for name in ("tools/toy/main.c", "tools/toy/part.c", "userspace/hello.c"):
        assert f'"file": "{name}"' in text


def test_clean_removes_what_was_built(tree: Path) -> None:
    built(tree, "tools", "compile_commands.json")
    built(tree, "clean")
    assert not (tree / "build").exists() and not (tree / "compile_commands.json").exists()
