# SPDX-License-Identifier: MIT
"""Private copies of the boot disk: with another command line, with files taken away, replaced or damaged.

The image itself is changed by tools/image/esp.py (command line) and by mtools (single files).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from .errors import MachineError
from .paths import esp_tool, show


def copy_esp(source: Path, target: Path, cmdline: str | None = None) -> Path:
    """Copy an ESP image, sparse, and give it another command line (None: keep its own)."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        target.unlink()
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", str(source), str(target)], check=True)
    if cmdline is not None:
        _run([sys.executable, str(esp_tool()), "--set-cmdline", cmdline, str(target)])
    return target


def list_files(image: Path) -> list[str]:
    """All files on an ESP image, as paths with slashes."""
    listing = _run(["mdir", "-/", "-b", "-i", mtools_name(image), "::"])
    return [line.removeprefix("::") for line in listing.split() if not line.endswith("/")]


def find_file(image: Path, name: str) -> str:
    """The path of the one file with that name (any folder, any case). MachineError: none."""
    for path in list_files(image):
        if path.rsplit("/", 1)[-1].lower() == name.lower():
            return path
    raise MachineError(f"{show(image)} has no file {name}; it has {', '.join(list_files(image))}")


def read_file(image: Path, path: str) -> bytes:
    done = subprocess.run(["mtype", "-i", mtools_name(image), f"::{path}"], capture_output=True, env=_environment())
    if done.returncode != 0:
        raise MachineError(f"cannot read {path} from {show(image)}: {done.stderr.decode().strip()}")
    return done.stdout


def remove_file(image: Path, path: str) -> None:
    _run(["mdel", "-i", mtools_name(image), f"::{path}"])


def write_file(image: Path, path: str, data: bytes) -> None:
    """Put a file onto the image, in place of the one that was there."""
    source = image.with_suffix(".put")
    source.write_bytes(data)
    _run(["mcopy", "-o", "-i", mtools_name(image), str(source), f"::{path}"])
    source.unlink()


def mtools_name(image: Path) -> str:
    """The image as mtools wants it: with the offset of the file system if the disk is partitioned (GPT, EFI system)."""
    with image.open("rb") as file:
        head = file.read(34 * 512)
    if head[512:520] != b"EFI PART":
        return str(image)
    entries = int.from_bytes(head[512 + 72:512 + 80], "little") * 512
    first = int.from_bytes(head[entries + 32:entries + 40], "little")
    return f"{image}@@{first * 512}"


def _environment() -> dict[str, str]:
    return {**os.environ, "MTOOLS_SKIP_CHECK": "1"}


def _run(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        raise MachineError(f"{command[0]} is not installed: run 'make deps'")
    done = subprocess.run(command, capture_output=True, text=True, env=_environment())
    if done.returncode != 0:
        raise MachineError(f"{' '.join(command)} failed:\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
