# SPDX-License-Identifier: MIT
"""What a test run leaves behind: one row per test case, kept in build/test.json.

An id is GROUP:FILE:CASE, see tests/README.md. A run replaces the rows of the groups it ran and keeps the others.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

PASSED = "passed"
FAILED = "failed"
SKIPPED = "skipped"


@dataclass
class Row:
    id: str
    result: str
    seconds: float
    message: str = ""
    unsteady: bool = False  # it failed at first: again.py


def read_rows(path: Path) -> list[Row]:
    if not path.exists():
        return []
    return [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))["results"]]


def count(rows: list[Row], result: str) -> int:
    return sum(row.result == result for row in rows)


def write_rows(path: Path, rows: list[Row], facts: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = facts | {"passed": count(rows, PASSED), "failed": count(rows, FAILED), "skipped": count(rows, SKIPPED),
                       "results": [asdict(row) for row in rows]}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def merge_rows(old: list[Row], new: list[Row], groups: list[str]) -> list[Row]:
    return [row for row in old if row.id.split(":")[0] not in groups] + new


def print_row(row: Row) -> None:
    print(f"  {row.result:<8}{row.id}  ({row.seconds:.1f} s)", flush=True)
    if row.result == FAILED and row.message:
        print("\n".join("      " + line for line in row.message.strip().splitlines()[-60:]), flush=True)
