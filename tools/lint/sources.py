#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Which files the rules look at: everything in the source folders, built things left out.

    tools/lint/sources.py ENDING...     prints the files with these endings; "c" means .c and .h
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

FOLDERS = ("boot", "kernel", "kdebug", "trace", "userspace", "tools", "tests")
LEFT_OUT = {"build", "__pycache__", ".git", ".mypy_cache", ".pytest_cache"}


def list_sources(root: Path, *endings: str) -> list[str]:
    """Paths from the root, sorted."""
    result = []
    for folder in FOLDERS:
        for path, names, files in os.walk(root / folder):
            names[:] = [name for name in names if name not in LEFT_OUT]
            result += [str((Path(path) / file).relative_to(root)) for file in files if file.endswith(endings)]
    return sorted(result)


def main(argv: list[str]) -> int:
    endings = [ending for word in argv for ending in ((".c", ".h") if word == "c" else (f".{word}",))]
    print("\n".join(list_sources(Path(__file__).resolve().parents[2], *endings)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
