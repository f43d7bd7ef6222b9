#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks that no symbol moved between the two links of the kernel, or the embedded symbol table would lie.

    check_link.py FIRST.elf SECOND.elf

Symbols from symtab_blob_start on may differ: only the blob and the end marks after it grow.
"""

from __future__ import annotations

import subprocess
import sys

BLOB = "symtab_blob_start"
INSIDE = {"symtab_blob_end", "types_blob_start", "types_blob_end", "costs_blob_start", "costs_blob_end",
          "lines_blob_start", "lines_blob_end", "parameters_blob_start", "parameters_blob_end",
          "frames_blob_start", "frames_blob_end"}


def read_symbols(path: str) -> list[tuple[int, str]]:
    text = subprocess.run(["nm", path], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in text.splitlines()]
    return sorted((int(row[0], 16), row[2]) for row in rows if len(row) == 3)


def moved(first: list[tuple[int, str]], second: list[tuple[int, str]]) -> list[str]:
    """What differs below the blob, as lines of text."""
    limits = [address for address, name in first if name == BLOB]
    if len(limits) != 1:
        return [f"{BLOB} is missing: kernel.ld must place .symtab_blob as the last section"]
    limit = limits[0]
    # Symbols at the limit itself are end marks of the section before it or start marks of the blob: both stay.
    below = {row for row in first if row[0] <= limit and row[1] not in INSIDE}
    after = set(second)
    names = {name for _, name in below - after}
    return [f"{name} moved: .symtab_blob is not the last section of kernel.ld" for name in sorted(names)
            if not end_mark(name, limit, first)]


def end_mark(name: str, limit: int, first: list[tuple[int, str]]) -> bool:
    """An end mark of the image coincides with the empty blob in the first link and legitimately grows."""
    return (limit, name) in first and name.endswith("_end")


def main(argv: list[str]) -> int:
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    problems = moved(read_symbols(argv[0]), read_symbols(argv[1]))
    for problem in problems[:10]:
        print(f"check_link.py: {argv[1]}: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
