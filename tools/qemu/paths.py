# SPDX-License-Identifier: MIT
"""Where things lie: one place that knows the build folder and the firmware of this machine."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import MachineError

ROOT = Path(__file__).resolve().parents[2]

FIRMWARE_FOLDERS = (Path("/usr/share/OVMF"), Path("/usr/share/edk2/x64"), Path("/usr/share/edk2/ovmf"))
FIRMWARE_PAIRS = (("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"), ("OVMF_CODE.fd", "OVMF_VARS.fd"))


def build_folder() -> Path:
    """The build folder: $BUILD as make has it (relative to the project), else build/."""
    return (ROOT / os.environ.get("BUILD", "build")).resolve()


def work_folder() -> Path:
    """Where the command writes: the build folder, or, if that belongs to an installation, a folder of the user's."""
    folder = build_folder()
    if os.access(folder, os.W_OK) or not folder.exists():
        return folder
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spoor"


def logs_folder() -> Path:
    return work_folder() / "logs"


def kernel_elf(mode: str = "debug") -> Path:
    """The kernel with its symbols and DWARF."""
    return _built(build_folder() / mode / "kernel.elf")


def esp_image(mode: str = "debug") -> Path:
    """The disk that the machine boots from."""
    return _built(build_folder() / mode / "esp.img")


def trace_tool() -> Path:
    """spoor-trace: decoder, checker and converter."""
    return _built(build_folder() / "tools" / "spoor-trace")


def post_tool() -> Path:
    """spoor-post: kdebug over a core file."""
    return _built(build_folder() / "tools" / "spoor-post")


def esp_tool() -> Path:
    """The script that makes and changes ESP images."""
    return ROOT / "tools" / "image" / "esp.py"


def firmware() -> tuple[Path, Path]:
    """OVMF's code and a template of its variables. MachineError: not installed."""
    for folder in FIRMWARE_FOLDERS:
        for code, variables in FIRMWARE_PAIRS:
            if (folder / code).is_file() and (folder / variables).is_file():
                return folder / code, folder / variables
    raise MachineError("no UEFI firmware found (OVMF_CODE_4M.fd): run 'make deps' or install the package 'ovmf'")


def _built(path: Path) -> Path:
    if not path.exists():
        raise MachineError(f"{show(path)} is missing: run 'make' first")
    return path


def show(path: Path) -> str:
    """A path as the user would type it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
