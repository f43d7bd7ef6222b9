# SPDX-License-Identifier: MIT
"""Small helpers for writing C: file heads, aligned defines, string literals."""

from __future__ import annotations

from collections.abc import Iterable

TOOL = "tools/gen/gen.py"


def c_head(source: str, summary: str, *, header: bool = True) -> list[str]:
    """The first lines of a generated C file."""
    lines = [f"/* Generated from {source} by {TOOL}; do not edit. */", "/* SPDX-License-Identifier: MIT */",
             f"/* {summary} */"]
    if header:
        lines.append("#pragma once")
    return lines + [""]


def hash_head(source: str) -> list[str]:
    return [f"# Generated from {source} by {TOOL}; do not edit.", "# SPDX-License-Identifier: MIT"]


def defines(rows: Iterable[tuple[str, str, str]]) -> list[str]:
    """#define lines in columns; each row is name, value, comment (may be empty)."""
    table = list(rows)
    if not table:
        return []
    name_width = max(len(name) for name, _, _ in table)
    value_width = max(len(value) for _, value, _ in table)
    lines = []
    for name, value, comment in table:
        line = f"#define {name:<{name_width}} {value:<{value_width}}"
        lines.append(f"{line} /* {comment} */" if comment else line.rstrip())
    return lines


def c_string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def joined(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
