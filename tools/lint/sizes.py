# SPDX-License-Identifier: MIT
"""The size table of the style guide: habits to look at, nothing that fails."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from sources import FOLDERS, list_sources

ASSERTION = re.compile(r"\b(ASSERT|VERIFY|static_assert|_Static_assert|ASSERT_\w+)\(")
CONDITIONAL = re.compile(r"\s*#\s*(if|ifdef|ifndef)\b")


@dataclass
class Sizes:
    files: list[int] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    comments: int = 0
    assertions: int = 0
    conditionals: int = 0

    @property
    def lines(self) -> int:
        return sum(self.files)


def function_lengths(lines: list[str]) -> list[int]:
    """With our brace style a body lies between a line "{" and a line "}"."""
    result = []
    start = 0
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start:
            result.append(number - start - 1)
            start = 0
    return result


def comment_lines(lines: list[str]) -> int:
    total = 0
    inside = False
    for line in lines:
        total += inside or "/*" in line or line.lstrip().startswith("//")
        if "/*" in line or inside:
            inside = "*/" not in line.split("/*")[-1]
    return total


def measure(root: Path, folder: str) -> Sizes:
    sizes = Sizes()
    for file in list_sources(root, ".c", ".h"):
        if not file.startswith(folder + "/"):
            continue
        lines = (root / file).read_text(encoding="utf-8", errors="replace").splitlines()
        sizes.files.append(len(lines))
        sizes.functions += function_lengths(lines)
        sizes.comments += comment_lines(lines)
        sizes.assertions += sum(bool(ASSERTION.search(line)) for line in lines)
        if file.endswith(".c"):
            sizes.conditionals += sum(bool(CONDITIONAL.match(line)) for line in lines)
    return sizes


def percentile(values: list[int], share: float) -> int:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0


def size_table(root: Path) -> str:
    rows = ["folder      lines  files  median  p95  functions  median  p95  comments  asserts/1000  #if/1000"]
    for folder in FOLDERS:
        sizes = measure(root, folder)
        if not sizes.files:
            continue
        per = 1000 / sizes.lines
        rows.append(f"{folder:<10}{sizes.lines:>7}{len(sizes.files):>7}{percentile(sizes.files, 0.5):>8}"
                    f"{percentile(sizes.files, 0.95):>5}{len(sizes.functions):>11}"
                    f"{percentile(sizes.functions, 0.5):>8}{percentile(sizes.functions, 0.95):>5}"
                    f"{100 * sizes.comments // sizes.lines:>9}%{sizes.assertions * per:>14.1f}"
                    f"{sizes.conditionals * per:>10.1f}")
    return "\n".join(rows)
