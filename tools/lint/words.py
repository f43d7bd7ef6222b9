# SPDX-License-Identifier: MIT
"""Documents that must exist, and links in them that must lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

from findings import Context, Finding
from sources import FOLDERS, LEFT_OUT, list_sources

TOP = ("README.md", "ARCHITECTURE.md", "LICENSE")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE_ENDINGS = (".c", ".h", ".asm", ".py", ".toml")


def folders_with_code(root: Path) -> list[Path]:
    """Folders of the first two levels that hold sources; tests/README.md describes all of tests/."""
    result = [Path(name) for name in FOLDERS if (root / name).is_dir()]
    for top in (name for name in FOLDERS if name != "tests"):
        for folder in sorted((root / top).iterdir()) if (root / top).is_dir() else []:
            if folder.is_dir() and folder.name not in LEFT_OUT and \
                    any(path.suffix in CODE_ENDINGS for path in folder.rglob("*")):
                result.append(folder.relative_to(root))
    return result


def check_links(root: Path, file: str) -> list[Finding]:
    found = []
    for number, line in enumerate((root / file).read_text(encoding="utf-8").splitlines(), 1):
        for target in LINK.findall(line):
            if "://" not in target and not (root / file).parent.joinpath(target).exists():
                found.append(Finding(file, number, "words", f"the link to {target} leads nowhere"))
    return found


def check_words(context: Context) -> list[Finding]:
    root = context.root
    found = [Finding(name, 0, "words", "is missing") for name in TOP if not (root / name).exists()]
    for folder in folders_with_code(root):
        if not (root / folder / "README.md").exists():
            found.append(Finding(f"{folder}/README.md", 0, "words", "is missing",
                                 "one page: purpose, files in reading order, invariants, how to debug it, tests"))
    pages = [name for name in TOP if name.endswith(".md") and (root / name).exists()]
    for page in pages + list_sources(root, ".md"):
        found += check_links(root, page)
    return found
