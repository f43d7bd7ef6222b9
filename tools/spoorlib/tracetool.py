# SPDX-License-Identifier: MIT
"""Calling spoor-trace, the C program that reads captures."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from qemu.paths import build_folder, show, trace_tool

from .console import UserError

# A line of dump that is no event: "12.345  cpu1: LOST 3 events ...", "...: the record ends here".
HOLE = re.compile(r"\S+  [^:]*: ")


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


def filter_trouble(words: str) -> str | None:
    """What is wrong with words for dump --filter, in this version; None: nothing."""
    done = subprocess.run([str(trace_tool()), "dump", "--filter", words], capture_output=True, text=True)
    return done.stderr.strip().removeprefix("spoor-trace: --filter: ") if done.returncode else None


def find_event(capture: Path, words: str) -> str | None:
    """The first event in a capture, which may still grow, that dump --filter finds, as a line; None: none yet."""
    command = [str(trace_tool()), "dump", "--filter", words, str(capture)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        found = next((line for line in process.stdout if not HOLE.match(line)), None)
        process.kill()
    return found and found.strip()
