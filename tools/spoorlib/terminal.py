# SPDX-License-Identifier: MIT
"""
A terminal between the user's keyboard and a serial line.

Keys go through as they are typed, with one prefix key, Ctrl-]:

    Ctrl-] q   quit           Ctrl-] b   send a BREAK: stop the guest in kdebug
    Ctrl-] ?   help           Ctrl-] Ctrl-]   send Ctrl-] itself

Ctrl-\\ (0x1c) is not ours: it goes through, and Spoor takes it as a break-in as well. What the guest says is shown with
symbol names behind kernel addresses.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from typing import Protocol

from qemu.symbols import SymbolTable

from .colours import Painter

PREFIX = 0x1D
HELP = ("\r\n[Ctrl-] q: quit · Ctrl-] b: break into kdebug · Ctrl-] Ctrl-]: send Ctrl-] · "
        "Ctrl-\\: break in by escape byte]\r\n")

# Longest tail of output that may be the start of an address: "0x" and 15 digits, and the two characters that follow.
HOLD_BYTES = 19
# How long something may be held back that may be the start of an address or of a line to colour.
HELD_SECONDS = 0.1


class Line(Protocol):
    """What the terminal needs of a serial line."""

    def send(self, data: bytes) -> None: ...
    def send_break(self) -> None: ...


class Annotator:
    """Adds symbol names to a stream of output: feed() may hold back a few bytes that might become an address."""

    def __init__(self, symbols: SymbolTable | None) -> None:
        self._symbols = symbols
        self._held = ""

    def feed(self, text: str) -> str:
        """What can be shown now."""
        if self._symbols is None:
            return text
        text = self._held + text
        keep = self._unfinished(text)
        self._held = text[len(text) - keep:]
        return self._symbols.annotate_part(text, len(text) - keep)

    @property
    def pending(self) -> bool:
        return bool(self._held)

    def flush(self) -> str:
        """The rest."""
        text, self._held = self._held, ""
        return self._symbols.annotate(text) if self._symbols else text

    @staticmethod
    def _unfinished(text: str) -> int:
        """How many bytes at the end may belong to an address whose end or sequel is not here yet."""
        tail = text[-HOLD_BYTES:].lower()
        for start in range(len(tail)):
            piece = tail[start:].removeprefix("0x")
            if "ffffffff".startswith(piece[:8]) and piece:
                digits = len(piece) - len(piece.lstrip("0123456789abcdef"))
                if digits == len(piece) or (digits == 16 and len(piece) - digits < 2):
                    return len(tail) - start
            elif tail[start:] in ("0", "0x"):
                return len(tail) - start
        return 0


class Terminal:
    """run() until the user quits or the line ends; take() is called with what the guest says, from any thread."""

    def __init__(self, line: Line, symbols: SymbolTable | None = None, is_coloured: bool = False) -> None:
        self._line = line
        self._annotator = Annotator(symbols)
        self._painter = Painter() if is_coloured else None
        self._wake_read, self._wake_write = os.pipe()
        self._after_prefix = False
        self._lock = threading.Lock()

    def take(self, data: bytes) -> None:
        """Show what the guest said."""
        with self._lock:
            self._show(self._annotator.feed(data.decode("utf-8", "replace")))

    def end(self) -> None:
        """Make run() return: the line is closed."""
        os.write(self._wake_write, b"x")

    def run(self) -> bool:
        """Pass keys on. True: the user asked to quit; False: the line has ended."""
        stdin = sys.stdin.fileno()
        sources = [stdin, self._wake_read]
        try:
            with raw_mode(stdin):
                while True:
                    ready, _, _ = select.select(sources, [], [], HELD_SECONDS if self._is_holding else None)
                    if not ready:
                        self._show_held()
                    if self._wake_read in ready:
                        return False
                    if stdin in ready:
                        data = os.read(stdin, 4096)
                        if not data:  # end of a script on standard input: only listen from now on
                            sources.remove(stdin)
                        elif self._pass_keys(data):
                            return True
        finally:
            self._show_held()

    @property
    def _is_holding(self) -> bool:
        return self._annotator.pending or (self._painter is not None and self._painter.pending)

    def _show(self, text: str) -> None:
        _write(self._painter.feed(text) if self._painter else text)

    def _show_held(self) -> None:
        with self._lock:
            self._show(self._annotator.flush())
            if self._painter:
                _write(self._painter.flush())

    def _pass_keys(self, data: bytes) -> bool:
        """Send what is for the guest, obey what is for us; True to quit."""
        plain = bytearray()
        for key in data:
            if self._after_prefix:
                self._after_prefix = False
                if key in b"qQ.":
                    return True
                self._obey(key, plain)
            elif key == PREFIX:
                self._after_prefix = True
            else:
                plain.append(key)
        self._send(plain)
        return False

    def _obey(self, key: int, plain: bytearray) -> None:
        if key == PREFIX:
            plain.append(PREFIX)
        elif key in b"bB":
            self._send(plain)
            self._line.send_break()
        else:
            _write(HELP)

    def _send(self, plain: bytearray) -> None:
        if plain:
            self._line.send(bytes(plain))
            plain.clear()


@contextlib.contextmanager
def raw_mode(descriptor: int) -> Iterator[None]:
    """Keys one by one, without echo, Ctrl-C included, for as long as the block lasts. No effect on a pipe."""
    if not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _write(text: str) -> None:
    if text:
        sys.stdout.write(text)
        sys.stdout.flush()


def start_reader(read: Callable[[], bytes], terminal: Terminal) -> threading.Thread:
    """A thread that shows what read() gives until that is empty."""
    def run() -> None:
        while data := read():
            terminal.take(data)
        terminal.end()
    thread = threading.Thread(target=run, name="line", daemon=True)
    thread.start()
    return thread
