# SPDX-License-Identifier: MIT
"""The host's end of a guest's serial line.

A thread reads everything the guest says into a log file and a text buffer; expect() waits on that buffer, so nothing is
lost between two calls and nothing needs to sleep. The cursor stands behind the last match: each expect() sees only
what came after the one before.

While something is waited for, the guest may instead fall into the debugger with a panic, or QEMU may end: both are
noticed at once (MachineFailed), not when the time is up.
"""

from __future__ import annotations

import codecs
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from .errors import MachineFailed, MachineTimeout
from .process import Pipes

TAIL_LINES = 40

# The guest ended up in kdebug because something broke. Tests that provoke this pass fatal=None.
FATAL = re.compile(r"^kdebug: enter reason=(?:panic|exception)\b.*$", re.MULTILINE)


Listeners = tuple[Callable[[bytes], None] | None, Callable[[], None] | None]


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern that ends in $ must not match a line of which only the first half is here."""
    if pattern.endswith("$") and not pattern.endswith("\\$"):
        pattern = pattern[:-1] + r"(?=\n)"
    return re.compile(pattern, re.MULTILINE)


class SerialLine:
    """A connected serial line: expect() and send()."""

    def __init__(self, pipes: Pipes, log: Path, take: Callable[[bytes], None] | None = None,
                 ended: Callable[[], None] | None = None) -> None:
        """take and ended, if given, are called on the reading thread with every chunk, and once at the end."""
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        self._pipes = pipes
        self._file: BinaryIO = log.open("wb")
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._changed = threading.Condition()
        self._joined = ""
        self._pieces: list[str] = []  # not yet joined: a guest that sends megabytes sends them byte by byte
        self._cursor = 0
        self._ended = False
        self._listeners: Listeners = (take, ended)
        self._thread = threading.Thread(target=self._read, name="serial", daemon=True)
        self._thread.start()

    def on_data(self, take: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        """From now on hand these what comes, as the constructor's take and ended."""
        self._listeners = (take, ended)

    def send(self, data: str | bytes) -> None:
        """Type something. The guest's UART takes it as fast as it reads."""
        raw = data.encode() if isinstance(data, str) else data
        try:
            self._pipes.write(raw)
        except OSError as error:
            raise MachineFailed(f"the serial line is closed: {error}\n{self.tail()}") from error

    def expect(self, pattern: str | re.Pattern[str], timeout: float,
               fatal: re.Pattern[str] | None = FATAL) -> re.Match[str]:
        """
        Wait until the guest says something that matches, and move the cursor behind it.

        pattern  regular expression, multi-line mode; matched against what came after the cursor. A $ at its end means
                 the end of a line, not of what has come so far
        timeout  seconds of wall-clock time
        fatal    what must not come before it
        MachineTimeout: it did not come. MachineFailed: fatal came first, or the line was closed.
        """
        regex = compile_pattern(pattern) if isinstance(pattern, str) else pattern
        deadline = time.monotonic() + timeout
        scanned = self._cursor
        with self._changed:
            while True:
                match = regex.search(self._text, self._search_start(regex))
                scanned = self._check_fatal(fatal, scanned, match, regex)
                if match:
                    self._cursor = match.end()
                    return match
                if self._ended:
                    raise MachineFailed(f"QEMU ended while waiting for /{regex.pattern}/\n{self.tail()}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise MachineTimeout(f"no /{regex.pattern}/ on the serial line within {timeout:g} s\n{self.tail()}")
                self._changed.wait(left)

    def wait_end(self, timeout: float) -> bool:
        """Wait until the other side has closed the line; False when it has not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._ended, timeout)

    def mark(self) -> int:
        """A place in the text to which skip_to() and text_since() refer: now."""
        with self._changed:
            return len(self._text)

    def skip(self) -> None:
        """Forget what has come so far: expect() looks only at what comes from now on."""
        with self._changed:
            self._cursor = len(self._text)

    def text_since(self, mark: int) -> str:
        with self._changed:
            return self._text[mark:]

    @property
    def text(self) -> str:
        """Everything so far, with plain line ends."""
        with self._changed:
            return self._text

    @property
    def cursor(self) -> int:
        with self._changed:
            return self._cursor

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The last lines, indented, for error messages."""
        last = self.text.splitlines()[-lines:]
        body = "\n".join("  | " + line for line in last) or "  | (nothing was said)"
        return f"  the last lines of {self.log}:\n{body}"

    def close(self) -> None:
        """When the other side has: then the end comes for certain."""
        self._thread.join()
        self._file.close()

    @property
    def _text(self) -> str:
        if self._pieces:
            self._joined = "".join((self._joined, *self._pieces))
            self._pieces.clear()
        return self._joined

    def _search_start(self, regex: re.Pattern[str]) -> int:
        """What must be the end of all that came is looked for in the last line only."""
        if not regex.pattern.endswith(r"\Z"):
            return self._cursor
        return max(self._cursor, self._text.rfind("\n", self._cursor) + 1)

    def _check_fatal(self, fatal: re.Pattern[str] | None, start: int, match: re.Match[str] | None,
                     wanted: re.Pattern[str]) -> int:
        """Look at the complete lines from 'start' on, up to the match; returns where to look next time."""
        if fatal is None:
            return start
        end = match.start() if match else self._text.rfind("\n") + 1
        broken = fatal.search(self._text, start, max(start, end))
        if broken:
            raise MachineFailed(f"{broken.group(0)!r} came while waiting for /{wanted.pattern}/\n{self.tail()}")
        return max(start, end)

    def _read(self) -> None:
        while data := self._pipes.read():
            self._take(data)
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._listeners[1]:
            self._listeners[1]()

    def _take(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()
        text = self._decoder.decode(data).replace("\r", "")
        with self._changed:
            self._pieces.append(text)
            self._changed.notify_all()
        if self._listeners[0]:
            self._listeners[0](data)
