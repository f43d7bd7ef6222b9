# SPDX-License-Identifier: MIT
"""
Colours for what the machine says: lines that matter stand out, by how they begin.

A stream comes in pieces that end anywhere. The beginning of a line is held back while it may still become one of the
marks; the rest of a line passes at once in the colour that its beginning chose.
"""

from __future__ import annotations

import os
import sys

RED, GREEN, YELLOW, CYAN, BOLD = "31", "32", "33", "36", "1"
MARKS = {
    "panic": RED, "FAIL ": RED, "assert": RED, "PASS ": GREEN, "warning": YELLOW, "kdebug: ": CYAN, "kdebug> ": BOLD,
    "init: all done": BOLD,
}
LONGEST = max(map(len, MARKS))
RESET = "\x1b[0m"


def is_wanted(choice: str) -> bool:
    """always, never, or auto: on a terminal, unless NO_COLOR says otherwise."""
    return choice == "always" or (choice == "auto" and sys.stdout.isatty() and not os.environ.get("NO_COLOR"))


class Painter:
    """feed() may hold back the first few characters of a line; flush() gives them."""

    def __init__(self) -> None:
        self._start = ""        # of the present line, as long as its colour is not known
        self._is_open = True    # at the beginning of a line
        self._is_coloured = False

    @property
    def pending(self) -> bool:
        return bool(self._start)

    def feed(self, text: str) -> str:
        return "".join(self._take(line) for line in text.splitlines(keepends=True))

    def flush(self) -> str:
        """What is held back, although its colour is not known: nothing followed."""
        text, self._start = self._start, ""
        if text:
            self._is_open = False
        return text

    def _take(self, piece: str) -> str:
        """A piece of one line, its end perhaps included."""
        shown = self._begin(piece) if self._is_open else piece
        if piece.endswith(("\n", "\r")):
            body = shown.rstrip("\r\n")
            shown = body + (RESET if self._is_coloured else "") + shown[len(body):]
            self._is_open, self._is_coloured = True, False
        return shown

    def _begin(self, piece: str) -> str:
        text, self._start = self._start + piece, ""
        for mark, colour in MARKS.items():
            if text.startswith(mark):
                self._is_open, self._is_coloured = False, mark != "kdebug> "
                end = RESET if not self._is_coloured else ""
                return f"\x1b[{colour}m{mark}{end}{text[len(mark):]}"
        if text and any(mark.startswith(text) for mark in MARKS):
            self._start = text
            return ""
        self._is_open = False
        return text
