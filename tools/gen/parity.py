#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The table of what other debuggers have: kdebug/parity.toml -> kdebug/README.md.

    parity.py            prints the table
    parity.py --write    puts it between the marks in the README
"""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "kdebug/parity.toml"
README = ROOT / "kdebug/README.md"
TABLE = re.compile(r"(<!-- parity\.toml begins -->\n).*?(<!-- parity\.toml ends -->)", re.DOTALL)


@dataclass(frozen=True)
class Row:
    part: str
    what: str
    use: tuple[str, ...]  # commands, keys, options; none: it is missing
    test: str
    missing: str          # why, if it is


def read_rows(text: str) -> list[Row]:
    """ValueError: a row is neither there nor missing, or both."""
    rows = []
    for part in tomllib.loads(text)["part"]:
        for row in part["rows"]:
            found = Row(part["title"], row["what"], tuple(row.get("use", ())), row.get("test", ""),
                        row.get("missing", ""))
            if bool(found.missing) == bool(found.use and found.test):
                raise ValueError(f"'{found.what}' wants use and test, or missing")
            rows.append(found)
    return rows


def make_table(rows: list[Row]) -> str:
    lines = ["| | here | shown by |", "|---|---|---|"]
    part = ""
    for row in rows:
        if row.part != part:
            lines.append(f"| **{row.part}** | | |")
            part = row.part
        here = ", ".join(f"`{word}`" for word in row.use) if row.use else f"no: {row.missing}"
        lines.append(f"| {row.what} | {here} | {f'`{row.test}`' if row.test else ''} |")
    return "\n".join(lines) + "\n"


def main(argv: list[str]) -> int:
    table = make_table(read_rows(SOURCE.read_text(encoding="utf-8")))
    if argv == ["--write"]:
        README.write_text(TABLE.sub(lambda match: match[1] + table + match[2], README.read_text(encoding="utf-8")),
                          encoding="utf-8")
    else:
        print(table, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
