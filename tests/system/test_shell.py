# SPDX-License-Identifier: MIT
"""The shell at the serial line: what a person types, and what comes of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import BootFunction

from qemu.machine import Machine

PROMPT = r"^(/\S*) \$ "
SECONDS = 60


class Person:
    """Types at the serial line and reads up to the next prompt."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        machine.expect(PROMPT, 120)

    def types(self, line: str, end: str = "\r") -> str:
        """What stands between the typed line and the prompt."""
        self.machine.send(line + end)
        self.machine.expect(re.escape(line), SECONDS)
        self.machine.expect(r"\n", SECONDS)
        before = len(self.text())
        self.machine.expect(PROMPT, SECONDS)
        del before
        return self.said(line)

    def text(self) -> str:
        return self.machine.log("serial").read_text(errors="replace").replace("\r", "")

    def said(self, line: str) -> str:
        """Behind the newest copy of the line, up to the prompt behind it."""
        after = self.text().rsplit(f"$ {line}\n", 1)[1]
        return re.split(PROMPT, after, maxsplit=1, flags=re.MULTILINE)[0]
