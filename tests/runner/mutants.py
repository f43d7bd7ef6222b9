# SPDX-License-Identifier: MIT
"""Do the host tests notice a broken line? Breaks one line at a time in a copy of the tree and runs its tests.

A mutant is noticed when a test program fails, hangs, or dies; one that does not compile is not counted. A survivor
is reported as a failed row with the line: either a test is missing or the line does not matter. Before them come the
faults that are planted on purpose (planted.py).
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from planted import run_planted
from results import FAILED, PASSED, Row, print_row

RUN_SECONDS = 60
CHANGES = ((" < ", " <= "), (" > ", " >= "), (" <= ", " < "), (" >= ", " > "), (" == ", " != "), (" != ", " == "),
           (" && ", " || "), (" || ", " && "), (" + ", " - "), (" - ", " + "), (" << ", " >> "), (" & ", " | "),
           ("return true;", "return false;"), ("return false;", "return true;"), ("++", "--"), ("continue;", "break;"))
SKIPPED_LINE = re.compile(r"\s*(\*|/\*|//|#)|.*\b(ASSERT|VERIFY|static_assert|_Static_assert|panic|log_\w+)\(")


@dataclass
class Mutant:
    file: str
    line: int  # from 0
    old: str
    new: str


def copy_tree(root: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    ignore = shutil.ignore_patterns(".git", "build", "__pycache__", ".mypy_cache", "compile_commands.json")
    shutil.copytree(root, target, symlinks=True, ignore=ignore)


def make(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("BUILD", "MAKEFLAGS", "MFLAGS")}
    command = ["make", "-s", f"-j{os.cpu_count() or 1}", "BUILD=build", *arguments]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def tested_sources(tree: Path, tests: list[str]) -> dict[str, list[str]]:
    """C file -> the test programs that contain it; tests and generated files are left alone."""
    result: dict[str, list[str]] = {}
    for test in tests:
        for source in make(tree, f"print-HOST_{test}_SRC").stdout.split():
            if source.endswith(".c") and not source.startswith(("tests/", "build/")):
                result.setdefault(source, []).append(test)
    return result


def mutants_of(tree: Path, file: str) -> list[Mutant]:
    result = []
    for number, line in enumerate((tree / file).read_text(encoding="utf-8").splitlines()):
        if SKIPPED_LINE.match(line):
            continue
        code = line.split("/*")[0]
        for old, new in CHANGES:
            position = code.find(old)
            if position >= 0 and code[:position].count('"') % 2 == 0:
                result.append(Mutant(file, number, line, code[:position] + new + line[position + len(old):]))
    return result


def is_noticed(tree: Path, tests: list[str]) -> bool | None:
    """None when the mutant does not compile."""
    if make(tree, *(f"build/host/{test}" for test in tests)).returncode:
        return None
    for test in tests:
        try:
            done = subprocess.run([str(tree / "build/host" / test)], cwd=tree, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=RUN_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return True
        if done.returncode:
            return True
    return False


def try_mutant(tree: Path, mutant: Mutant, tests: list[str]) -> Row | None:
    path = tree / mutant.file
    original = path.read_text(encoding="utf-8")
    lines = original.splitlines()
    lines[mutant.line] = mutant.new
    begin = time.monotonic()
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        noticed = is_noticed(tree, tests)
    finally:
        path.write_text(original, encoding="utf-8")
    if noticed is None:
        return None
    text = f"was: {mutant.old.strip()}\nnow: {mutant.new.strip()}\ntests: {' '.join(tests)}"
    result = PASSED if noticed else FAILED
    return Row(f"mutants:{mutant.file}:{mutant.line + 1}", result, time.monotonic() - begin, text)


def run_mutants(root: Path, build: Path, tests: list[str], wanted: int, seed: int) -> list[Row]:
    tree = (build / "mutants").resolve()
    copy_tree(root, tree)
    built = make(tree, "host-tests")
    if built.returncode:
        return [Row("mutants:unchanged tree:build", FAILED, 0.0, built.stderr)]
    planted = run_planted(tree, make)
    sources = tested_sources(tree, tests)
    if is_noticed(tree, sorted(set(sum(sources.values(), [])))):
        return [Row("mutants:unchanged tree:tests", FAILED, 0.0, "the tests fail without any change")]
    candidates = [mutant for file in sorted(sources) for mutant in mutants_of(tree, file)]
    random.Random(seed).shuffle(candidates)
    rows: list[Row] = planted
    for mutant in candidates:
        if len(rows) == wanted + len(planted):
            break
        row = try_mutant(tree, mutant, sources[mutant.file])
        if row:
            rows.append(row)
            print_row(row)
    return rows
