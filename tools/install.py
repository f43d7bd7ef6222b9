#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
What `make install` does: Spoor's command and what it needs, without the source tree.

    PREFIX/bin/spoor          a link to
    PREFIX/lib/spoor/tools    the command, laid out as in the source tree, so that it finds everything as it does there
    PREFIX/lib/spoor/build    kernels with symbols, boot disks, spoor-trace, generated definitions

What the command writes goes to the user's own folder when that build folder is not his to write (qemu/paths.py).
Python 3.11 and its standard library are all it needs; QEMU, gdb, mtools where a subcommand says so.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("tools/spoor", "tools/spoorlib", "tools/qemu", "tools/gdb", "tools/image", "tools/trace/sql",
           "trace/events/events.toml", "LICENSE")
BUILT = ("tools/spoor-trace", "tools/spoor-post", "gen/spoor_gen.py")
BUILT_BY_MODE = ("kernel.elf", "boot.img", "esp.img", "user")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.o", "*.d")


def copy(source: Path, target: Path) -> None:
    """A file or a folder, replacing what is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=LEFT_OUT, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def install(build: Path, prefix: Path, destination: Path) -> Path:
    """Copy everything; returns the command. FileNotFoundError: what is not built."""
    home = destination / prefix.relative_to("/") / "lib" / "spoor"
    for name in SOURCES:
        copy(ROOT / name, home / name)
    modes = [mode for mode in ("debug", "release") if (build / mode / "esp.img").exists()]
    if not modes:
        raise FileNotFoundError(f"{build}: nothing is built; run 'make' first")
    for name in (*BUILT, *(f"{mode}/{name}" for mode in modes for name in BUILT_BY_MODE)):
        copy(build / name, home / "build" / name)
    link = destination / prefix.relative_to("/") / "bin" / "spoor"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.relpath(home / "tools" / "spoor", link.parent))
    return link


def main() -> int:
    parser = argparse.ArgumentParser(description="install Spoor's command")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--prefix", type=Path, default=Path("/usr/local"), help="default: /usr/local")
    parser.add_argument("--destdir", type=Path, default=Path("/"), help="a root to install below, for packagers")
    options = parser.parse_args()
    try:
        print(install(options.build.resolve(), options.prefix.absolute(), options.destdir.absolute()))
    except OSError as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
