# SPDX-License-Identifier: MIT
"""Faults planted on purpose (tests/mutants/planted.toml): does the case that is named for each notice it?"""

from __future__ import annotations

import fnmatch
import re
import subprocess
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from results import FAILED, PASSED, Row, print_row

PLANTS = "tests/mutants/planted.toml"
RUN_SECONDS = 120
BEGUN = re.compile(r"\[ RUN      \] (\S+)")
FAULT = re.compile(r"\[  FAILED  \] (\S+)")


@dataclass
class Plant:
    name: str
    file: str
    was: str
    now: str
    tests: list[str]  # "program:case"

    def programs(self) -> list[str]:
        return sorted({test.partition(":")[0] for test in self.tests})

    def names(self, program: str, case: str) -> bool:
        return any(fnmatch.fnmatchcase(f"{program}:{case}", test) for test in self.tests)


def read_plants(root: Path) -> list[Plant]:
    return [Plant(**row) for row in tomllib.loads((root / PLANTS).read_text(encoding="utf-8"))["plant"]]


def cases_failed(output: str, died: bool) -> set[str]:
    """Those that say so, and the one that a program which died was in."""
    failed = set(FAULT.findall(output))
    begun = BEGUN.findall(output)
    return failed | set(begun[-1:]) if died else failed


def run_program(path: Path) -> set[str]:
    try:
        done = subprocess.run([str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=RUN_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        return cases_failed((error.stdout or b"").decode(errors="replace"), died=True)
    output = done.stdout.decode(errors="replace")
    return cases_failed(output, died=done.returncode != 0 and not FAULT.search(output))


def try_plant(tree: Path, plant: Plant, make: Callable[..., subprocess.CompletedProcess[str]]) -> Row:
    path = tree / plant.file
    original = path.read_text(encoding="utf-8")
    begin = time.monotonic()
    result, message = FAILED, ""
    path.write_text(original.replace(plant.was, plant.now), encoding="utf-8")
    try:
        built = make(tree, *(f"build/host/{program}" for program in plant.programs()))
        if built.returncode:
            message = f"it does not compile: {built.stderr[-2000:]}"
        else:
            caught = [f"{program}:{case}" for program in plant.programs()
                      for case in sorted(run_program(tree / "build/host" / program)) if plant.names(program, case)]
            result = PASSED if caught else FAILED
            message = f"{plant.file}: caught by {', '.join(caught) or 'nobody'}"
    finally:
        path.write_text(original, encoding="utf-8")
    return Row(f"mutants:planted:{plant.name}", result, time.monotonic() - begin, message)


def run_planted(tree: Path, make: Callable[..., subprocess.CompletedProcess[str]]) -> list[Row]:
    rows = []
    for plant in read_plants(tree):
        rows.append(try_plant(tree, plant, make))
        print_row(rows[-1])
    print(f"planted faults: {sum(row.result == PASSED for row in rows)} caught of {len(rows)}", flush=True)
    return rows
