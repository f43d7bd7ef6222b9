# SPDX-License-Identifier: MIT
"""kdebug's prompt as an object: a command in, its output as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .machine import Machine

# The prompt is complete when nothing follows it: the guest waits for us.
PROMPT = re.compile(r"^kdebug> \Z", re.MULTILINE)
ENTRY = re.compile(r"^kdebug: enter reason=(?P<reason>\w+) cpu=(?P<cpu>\d+) boot=(?P<boot>\w+)", re.MULTILINE)

# A core that comes late is announced, and the prompt is printed again. That is no answer to anything.
LATE = re.compile(r"\n?kdebug: cpu \d+ has come\nkdebug> ")

# What the line editor may draw around plain text.
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

COMMAND_SECONDS = 15.0


@dataclass(frozen=True)
class ThreadRow:
    """A line of the command 'threads'. state: ready, running, or what a blocked thread is in: receive, call, ..."""

    tid: int
    state: str
    core: int
    process: str
    name: str
    waits_for: str

    @property
    def is_blocked(self) -> bool:
        return self.state not in ("ready", "running", "dead")


def parse_threads(text: str) -> list[ThreadRow]:
    """The output of 'threads': columns stand at least two blanks apart."""
    rows = []
    for line in text.splitlines():
        words = re.split(r"\s{2,}", line.strip())
        if len(words) >= 6 and words[0].isdigit():
            rows.append(ThreadRow(int(words[0]), words[1], int(words[2].rstrip("!")), words[4], words[5],
                                  words[6] if len(words) > 6 else ""))
    return rows


class KdebugPrompt:
    """A guest that stands at kdebug's prompt. banner: what it said on its way there."""

    def __init__(self, machine: Machine, banner: str) -> None:
        self.machine = machine
        self.banner = banner

    @property
    def reason(self) -> str:
        """Why it stopped: break, escape, panic, breakpoint, request, nmi, exception, boot."""
        return self._entry().group("reason")

    @property
    def cpu(self) -> int:
        """The core that talks to us."""
        return int(self._entry().group("cpu"))

    def _entry(self) -> re.Match[str]:
        entries = list(ENTRY.finditer(self.banner))
        if not entries:
            raise AssertionError(f"no 'kdebug: enter reason=... cpu=...' line in:\n{self.banner}")
        return entries[-1]

    def command(self, line: str, timeout: float = COMMAND_SECONDS) -> str:
        """Type a command, wait for the next prompt, return what was printed in between (without the echo)."""
        mark = self.machine.serial.mark()
        self.machine.send(line + "\r")
        text = ""
        while "kdebug> " not in text:
            self.machine.expect(PROMPT, timeout, fatal=None)
            text = LATE.sub("", ANSI.sub("", self.machine.serial.text_since(mark)))
        body = text[:text.rindex("kdebug> ")]
        # The echo of what we typed is the first line.
        return body.split("\n", 1)[1] if "\n" in body else ""

    def threads(self) -> list[ThreadRow]:
        """What the command 'threads' lists."""
        return parse_threads(self.command("threads"))

    def resume(self) -> None:
        """Let the guest go on. What is said from here on is the guest's own, and a new break-in is seen."""
        self.machine.send("continue\r")
        self.machine.expect(r"^kdebug: resume\n", COMMAND_SECONDS, fatal=None)
