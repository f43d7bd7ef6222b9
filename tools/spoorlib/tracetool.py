# SPDX-License-Identifier: MIT
"""Calling spoor-trace, the C program that reads captures."""

from __future__ import annotations

import subprocess
from pathlib import Path

from qemu.paths import build_folder, show, trace_tool

from .console import UserError


def convert(capture: Path, target: Path, mode: str | None = None) -> None:
    """Capture to Perfetto file. mode: it was just recorded with this build, whose files name functions.

    UserError: it cannot be read; the message is spoor-trace's.
    """
    build = build_folder() / (mode or "")
    names = ["--symbols", str(build / "kernel.elf"), "--programs", str(build / "user")] if mode else []
    output("convert", "--quiet", *names, str(capture), str(target))


def output(*arguments: str, accept: tuple[int, ...] = (0,)) -> str:
    """What spoor-trace prints. accept: exit codes that are good; 1 is an input with flaws. UserError: it failed."""
    done = subprocess.run([str(trace_tool()), *arguments], capture_output=True, text=True)
    if done.returncode not in accept:
        raise UserError(f"spoor-trace {' '.join(arguments)} failed (exit code {done.returncode}):\n"
                        f"{(done.stderr + done.stdout).strip()}")
    return done.stdout


def check(capture: Path) -> tuple[bool, str]:
    """Whether the checker finds the capture good, and what it says."""
    done = subprocess.run([str(trace_tool()), "check", str(capture)], capture_output=True, text=True)
    return done.returncode == 0, (done.stdout + done.stderr).strip() or f"{show(capture)}: nothing was said"
