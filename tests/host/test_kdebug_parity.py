# SPDX-License-Identifier: MIT
"""What kdebug/parity.toml promises is there: commands in the manual, tests in the tree, the table in the README."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/gen"))
sys.path.insert(0, str(ROOT / "tools/lint"))
parity, lint = (importlib.import_module(name) for name in ("parity", "lint"))

README = (ROOT / "kdebug/README.md").read_text(encoding="utf-8")
ROWS = parity.read_rows((ROOT / "kdebug/parity.toml").read_text(encoding="utf-8"))
COMMANDS = {line.split()[1].strip("`") for line in README.splitlines() if re.match(r"\| `[a-z]+[ `]", line)}
# What is no command: keys, options, ways in, programs.
OTHER = {"BREAK", "Ctrl-\\", "NMI", "panic()", "#DF", "debug_enter", "make lint", "keys", "keyboard", "Break", "TAB",
         "gdb"}


def test_ids() -> set[str]:
    """host:test_x:case, host:test_x.py::case, system:..., lint:rule of all that there are."""
    ids = {f"lint:{rule}" for rule in lint.RULES}
    for path in (ROOT / "tests/host").glob("test_*.c"):
        cases = re.findall(r"cmocka_unit_test\w*\(\s*(\w+)", path.read_text(encoding="utf-8"))
        ids |= {f"host:{path.stem}:{case}" for case in cases}
    for group in ("host", "system"):
        for path in (ROOT / "tests" / group).glob("test_*.py"):
            cases = re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
            ids |= {f"{group}:{path.name}::{case}" for case in cases}
    return ids


test_ids.__test__ = False  # type: ignore[attr-defined]
IDS = test_ids()


@pytest.mark.parametrize("row", [row for row in ROWS if row.use], ids=lambda row: row.what)
def test_a_row_has_its_command_and_its_test(row) -> None:
    for use in row.use:
        assert use in OTHER or "=" in use or use.split()[0] in COMMANDS, use
    pattern = re.escape(row.test).replace(r"\*", ".*")
    assert any(re.fullmatch(pattern, name) for name in IDS), row.test


def test_every_row_has_its_command() -> None:
    """No row says that something is missing, and each names a command (or way in) and a test that are there."""
    assert ROWS and not [row.what for row in ROWS if not row.use or not row.test]
    for row in ROWS:
        test_a_row_has_its_command_and_its_test(row)


def test_the_readme_has_the_table() -> None:
    assert parity.make_table(ROWS) in README


@pytest.mark.parametrize("row", ['{what = "a"}', '{what = "a", use = ["b"]}',
                                 '{what = "a", use = ["b"], test = "c", missing = "d"}'])
def test_a_row_is_there_or_missing(row: str) -> None:
    with pytest.raises(ValueError, match="use and test, or missing"):
        parity.read_rows(f'[[part]]\ntitle = "x"\nrows = [{row}]\n')
