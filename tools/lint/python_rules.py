# SPDX-License-Identifier: MIT
"""flake8 and mypy on the Python code."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from findings import Context, Finding, run
from sources import list_sources

PYTHON = "/usr/bin/python3"  # Debian's: it sees what apt installed
LINE = re.compile(r"([^:\s][^:]*):(\d+):(?:\d+:)? (?:error: )?(.*)")


def check_flake8(context: Context) -> list[Finding]:
    files = list_sources(context.root, ".py") + scripts(context)
    done = run(context, [PYTHON, "-m", "flake8", *files]) if files else None
    return read_lines("flake8", done.stdout) if done else []


def scripts(context: Context) -> list[str]:
    """Python programs without an ending, such as tools/spoor."""
    result = []
    for file in list_sources(context.root, ""):
        path = context.root / file
        if "." not in path.name and path.is_file():
            with open(path, "rb") as stream:
                if re.match(rb"#!.*python3?\s", stream.readline()):
                    result.append(file)
    return result


def read_lines(rule: str, text: str) -> list[Finding]:
    return [Finding(match[1], int(match[2]), rule, match[3]) for match in map(LINE.match, text.splitlines()) if match]


def check_mypy(context: Context) -> list[Finding]:
    """Folder by folder: our tools are scripts beside each other, not packages, so names may repeat between folders."""
    folders: dict[str, list[str]] = defaultdict(list)
    for file in list_sources(context.root, ".py") + scripts(context):
        folders[package_root(context, file)].append(file)
    found = []
    for folder, files in sorted(folders.items()):
        strict = ["--strict"] if folder.startswith("tools") else []
        done = run(context, [PYTHON, "-m", "mypy", *strict, "--no-error-summary", "--cache-dir",
                             str(context.build / "lint" / "mypy"), "--scripts-are-modules", *files])
        rows = read_lines("mypy", done.stdout)
        if done.returncode and not rows:
            rows = [Finding(folder, 0, "mypy", (done.stdout + done.stderr).strip()[-500:])]
        found += rows
    return found


def package_root(context: Context, file: str) -> str:
    """The folder whose files are checked together: the one above the outermost package."""
    folder = Path(file).parent
    while (context.root / folder / "__init__.py").exists():
        folder = folder.parent
    return str(folder)
