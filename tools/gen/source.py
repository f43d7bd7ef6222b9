# SPDX-License-Identifier: MIT
"""Reading definition files: every complaint names the file, the line and the key it is about."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from toml_lines import key_lines, line_of

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
UPPER_NAME = re.compile(r"[A-Z][A-Z0-9_]*\Z")

# Words that a name in a definition cannot be, because it becomes a C identifier as it stands.
C_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long "
    "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while "
    "asm typeof".split())


class DefinitionError(Exception):
    """Something in a definition file is wrong; the text says where and what."""


@dataclass(frozen=True)
class Node:
    """A TOML table together with the place it came from."""

    file: str
    key: str
    table: dict[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)  # of all keys in the file

    def fail(self, text: str, key: str = "") -> DefinitionError:
        place = ".".join(part for part in (self.key, key) if part)
        line = line_of(self.lines, place)
        file = f"{self.file}:{line}" if line else self.file
        return DefinitionError(f"{file}: [{place}]: {text}" if place else f"{file}: {text}")

    def inner(self, key: str, table: dict[str, Any]) -> Node:
        return replace(self, key=f"{self.key}.{key}" if self.key else key, table=table)

    def allow(self, *keys: str) -> None:
        """Refuse keys that nothing reads: most are spelling mistakes."""
        for key in self.table:
            if key not in keys:
                raise self.fail(f"unknown key; known are {', '.join(keys)}", key)

    def child(self, key: str, required: bool = True) -> Node:
        if key not in self.table and not required:
            return self.inner(key, {})
        return self.inner(key, self.get(key, dict, "a table"))

    def children(self) -> list[tuple[str, Node]]:
        return [(key, self.child(key)) for key in self.table]

    def rows(self, key: str) -> list[Node]:
        """An array of tables, in the order written."""
        value = self.get(key, list, "a list", [])
        result = []
        for index, row in enumerate(value):
            if not isinstance(row, dict):
                raise self.fail("must be a list of {name = ..., ...}", key)
            label = row.get("name", index)
            result.append(self.inner(f"{key}.{label}", row))
        return result

    def get(self, key: str, kind: type, what: str, default: Any = None) -> Any:
        if key not in self.table:
            if default is None:
                raise self.fail(f"'{key}' is missing")
            return default
        value = self.table[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.fail(f"must be {what}", key)
        return value

    def text(self, key: str, default: str | None = None) -> str:
        value: str = self.get(key, str, "a string", default)
        if '"' in value or "\\" in value or "\n" in value:
            raise self.fail("must not hold quotes, backslashes or line breaks", key)
        return value

    def number(self, key: str, low: int, high: int, default: int | None = None) -> int:
        value: int = self.get(key, int, "a number", default)
        if not low <= value <= high:
            raise self.fail(f"{value} is not in {low}..{high}", key)
        return value

    def flag(self, key: str) -> bool:
        return bool(self.get(key, bool, "true or false", False))

    def strings(self, key: str) -> list[str]:
        value = self.get(key, list, "a list", [])
        if not all(isinstance(item, str) for item in value):
            raise self.fail("must be a list of strings", key)
        return list(value)

    def one_of(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in choices:
            raise self.fail(f"'{value}' is none of {', '.join(choices)}", key)
        return value

    def check_name(self, name: str, pattern: re.Pattern[str] = NAME) -> str:
        if not pattern.match(name) or name in C_KEYWORDS:
            raise self.fail(f"'{name}' is not usable as a name (want {pattern.pattern[:-2]}, no C keyword)")
        return name


class Unique:
    """Remembers who took a number or name first."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.seen: dict[object, str] = {}

    def take(self, node: Node, value: object, owner: str) -> None:
        if value in self.seen:
            raise node.fail(f"{self.what} {value} is taken by {self.seen[value]}")
        self.seen[value] = owner


def load(root: Path, file: str) -> Node:
    path = root / file
    try:
        text = path.read_text(encoding="utf-8")
        return Node(file, "", tomllib.loads(text), key_lines(text))
    except FileNotFoundError:
        raise DefinitionError(f"{file}: no such file under {root}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{file}: {error}") from None
