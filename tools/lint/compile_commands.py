#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Turns what `make -nB V=1` prints into compile_commands.json, for clang's tools and editors.

    make -nB V=1 all host-tests | tools/lint/compile_commands.py COMPILER...
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path


# What gcc knows and clang's tools refuse.
GCC_ONLY = ("-fcall-used-", "-fno-schedule-insns2", "-fno-shrink-wrap", "-fshrink-wrap")


def read_commands(lines: Iterable[str], compilers: list[str], folder: str) -> list[dict[str, object]]:
    """One entry per compiled C file; a file compiled several ways keeps the first, which is the kernel's."""
    entries: dict[str, dict[str, object]] = {}
    for line in lines:
        if not line.strip().startswith(tuple(f"{compiler} " for compiler in compilers)):
            continue
        try:
            words = shlex.split(line)
        except ValueError:
            continue
        if "-c" in words:
            file = words[words.index("-c") + 1]
            known = [word for word in words if not word.startswith(GCC_ONLY)]
            entries.setdefault(file, {"directory": folder, "file": file, "arguments": known})
    return [entries[file] for file in sorted(entries)]


def main(argv: list[str]) -> int:
    lines = sys.stdin.read().replace("\\\n", " ").splitlines()
    print(json.dumps(read_commands(lines, argv, str(Path.cwd())), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
