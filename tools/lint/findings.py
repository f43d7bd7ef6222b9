# SPDX-License-Identifier: MIT
"""What a lint rule gets and gives."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    file: str
    line: int  # 0: the whole file
    rule: str
    text: str
    advice: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: [{self.rule}] {self.text}" + (f"\n    {self.advice}" if self.advice else "")


@dataclass(frozen=True)
class Context:
    root: Path
    build: Path
    mode: str

    @property
    def output(self) -> Path:
        return self.build / self.mode


Rule = Callable[[Context], list[Finding]]


def run(context: Context, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=context.root, capture_output=True, text=True, errors="replace", check=False)


def in_parallel(work: Callable[[T], list[Finding]], items: Iterable[T]) -> list[Finding]:
    """The findings of every item, in the order of the items."""
    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        return [finding for findings in pool.map(work, items) for finding in findings]
