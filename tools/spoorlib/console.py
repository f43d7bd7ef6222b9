# SPDX-License-Identifier: MIT
"""How the command talks to its user: errors that say what to do, and progress on long work."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from qemu.paths import show


class UserError(Exception):
    """Something the user can put right; the message says what to do. Exit code 1."""


class Progress:
    """A line per step on standard error, with the seconds since the start: '[  3.2] booting 4 cores'."""

    def __init__(self, quiet: bool = False) -> None:
        self._start = time.monotonic()
        self._quiet = quiet

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def say(self, text: str) -> None:
        if not self._quiet:
            print(f"[{self.seconds:6.1f}] {text}", file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Announce a step; on failure the exception passes, with a note of which step it was."""
        self.say(text + " ...")
        try:
            yield
        except Exception as error:
            error.add_note(f"failed while: {text}")
            raise


def size_text(count: int) -> str:
    """12345678 -> '11.8 MiB'."""
    if count < 1024:
        return f"{count} B"
    value = float(count)
    for unit in ("KiB", "MiB"):
        value /= 1024
        if value < 1024:
            return f"{value:.1f} {unit}"
    return f"{value / 1024:.1f} GiB"


def describe_file(path: Path) -> str:
    """'build/out.pftrace (11.8 MiB)'."""
    return f"{show(path)} ({size_text(path.stat().st_size)})"


def seconds_from(text: str) -> float:
    """'5s', '500ms', '2m' or '5' as seconds. ValueError: none of these."""
    for suffix, factor in (("ms", 0.001), ("s", 1.0), ("m", 60.0)):
        if text.endswith(suffix):
            return float(text[:-len(suffix)]) * factor
    return float(text)
