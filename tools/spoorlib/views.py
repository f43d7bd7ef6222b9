# SPDX-License-Identifier: MIT
"""Our SQL tables for Perfetto, and the start-up sets of the UI that use them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from qemu import paths

from .console import UserError

FOLDER = paths.ROOT / "tools" / "trace" / "sql"
MODULES = ("ipc", "waits")
NEEDS_TABLES = "spoor_"


def tables() -> str:
    """The definitions, as one text for a trace processor."""
    return "\n".join((FOLDER / f"{name}.sql").read_text() for name in MODULES)


def load() -> dict[str, Any]:
    """Name to start-up set: "about" and "commands"."""
    views: dict[str, Any] = json.loads((FOLDER / "views.json").read_text())
    return views


def commands(name: str) -> list[dict[str, Any]]:
    """The commands of a start-up set, the definitions of the tables that it uses first."""
    views = load()
    if name not in views:
        raise UserError(f"there is no view {name!r}; there are {', '.join(sorted(views))}")
    chosen: list[dict[str, Any]] = views[name]["commands"]
    if any(NEEDS_TABLES in str(argument) for command in chosen for argument in command["args"]):
        return [{"id": "dev.perfetto.RunQuery", "args": [tables()]}, *chosen]
    return chosen


def link_part(name: str | None) -> str:
    """What a link to the UI needs to run a start-up set."""
    return "" if name is None else "&startupCommands=" + quote(json.dumps(commands(name)), safe="")
