# SPDX-License-Identifier: MIT
"""On which line of a TOML file a key stands: tomllib does not tell."""

from __future__ import annotations

import re
from collections.abc import Mapping

HEADER = re.compile(r'\[\[?([A-Za-z0-9_."-]+)\]\]?\s*(?:#.*)?\Z')
KEY = re.compile(r'\s*([A-Za-z0-9_-]+|"[^"]*")\s*=')
ROW = re.compile(r'\{\s*name\s*=\s*"([^"]*)"')


def key_lines(text: str) -> dict[str, int]:
    """Of each table, each key that begins a line, and each {name = "..."} of a list: its line, from 1."""
    result: dict[str, int] = {}
    table = key = ""
    for number, line in enumerate(text.splitlines(), 1):
        header, begun = HEADER.match(line), KEY.match(line)
        if header:
            table = key = header[1].replace('"', "")
        elif begun:
            key = ".".join(filter(None, (table, begun[1].strip('"'))))
        if header or begun:
            result.setdefault(key, number)
        for row in ROW.finditer(line):
            result.setdefault(f"{key}.{row[1]}", number)
    return result


def line_of(lines: Mapping[str, int], key: str) -> int:
    """The line of a key, else of the closest thing around it; 0: nothing is known."""
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return lines.get(key, 0)
