# SPDX-License-Identifier: MIT
"""
One serial line for a person and for gdb: the console and gdb take turns.

SharedLine stands between the terminal and the line. Without gdb every byte passes. When gdb connects to the local port
the machine is stopped at kdebug's prompt, which recognises gdb and hands the line over; then packets go to gdb, text
(the log, while the machine runs) to the console, and keys are held off but for the BREAK, which gdb sees as a stop.
When gdb detaches or goes away, the prompt is back.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from pathlib import Path
from typing import Protocol

from .console import UserError
from .gdb_split import Splitter, packet

PROMPT = b"kdebug> "
GDB_INTERRUPT = b"\x03"
# A machine that runs prints its prompt at once. One that shows it already ignores the BREAK: it gets an empty line, in
# place of what may have been typed (Ctrl-U), and shows another.
NEW_LINE = b"\x15\r"
BREAK_SECONDS = 2.0
PROMPT_SECONDS = 20.0


class RawLine(Protocol):
    """The line itself."""

    def send(self, data: bytes) -> None: ...
    def send_break(self, instead: bytes = ...) -> None: ...
    def receive(self) -> bytes: ...


def open_port(address: str) -> socket.socket:
    """Listen on a port of this machine only, or on a unix socket. UserError: it is taken."""
    is_port = address.isdecimal()
    listener = socket.socket(socket.AF_INET if is_port else socket.AF_UNIX)
    try:
        if is_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", int(address)))
        else:
            listener.bind(address)
    except (OSError, OverflowError) as error:
        listener.close()
        raise UserError(f"cannot listen on {address} for gdb: {error}; choose another with --gdb") from error
    listener.listen(1)
    return listener


class SharedLine:
    """A line as the terminal wants it, with a door for gdb."""

    def __init__(self, line: RawLine, address: str) -> None:
        self._line = line
        self._listener = open_port(address)
        self._path = None if address.isdecimal() else Path(address)
        self._change = threading.Condition()
        self._gdb: socket.socket | None = None  # whoever is connected
        self._has_line = False                  # and may use the line
        self._splitter: Splitter | None = None  # from gdb's first packet until the prompt is back
        self._is_abandoned = False              # gdb went away while the machine ran: the stub still waits for it
        self._tail = b""
        threading.Thread(target=self._serve, name="gdb", daemon=True).start()

    # ---- the terminal's side ----

    def send(self, data: bytes) -> None:
        if self._has_line:
            _say("gdb has the line; detach it, or Ctrl-] b to stop the machine")
        else:
            self._line.send(data)

    def send_break(self) -> None:
        """While gdb's machine runs, the stub listens for gdb's own interrupt, not for the escape byte."""
        if self._has_line or self._is_abandoned:
            self._line.send_break(GDB_INTERRUPT)
        else:
            self._line.send_break()

    def receive(self) -> bytes:
        """The next text for the console; empty: the line has ended."""
        while data := self._line.receive():
            if text := self._take(data):
                return text
        self.close()
        return b""

    def close(self) -> None:
        """Let gdb go."""
        for side in (self._listener, self._gdb):
            if side:
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
        if self._path:
            self._path.unlink(missing_ok=True)

    def _take(self, data: bytes) -> bytes:
        with self._change:
            if self._splitter:
                data, packets = self._splitter.split(data)
                self._deliver(packets)
            self._tail = (self._tail + data)[-len(PROMPT):]
            if self._tail == PROMPT and not self._has_line:
                self._splitter = None
            self._change.notify_all()
        return data

    def _deliver(self, packets: bytes) -> None:
        if packets and self._has_line and self._gdb:
            with contextlib.suppress(OSError):  # it has hung up; _serve() sees that, too
                self._gdb.sendall(packets)
        elif packets and self._is_abandoned:  # the stop that nobody waits for any more
            self._release()

    # ---- gdb's side ----

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the listener is closed: the end
            while True:
                peer, _ = self._listener.accept()
                with peer:
                    self._gdb = peer
                    self._serve_one(peer)
                    self._gdb = None

    def _serve_one(self, peer: socket.socket) -> None:
        if not self._obtain_prompt():
            _say("gdb is here, but the machine shows no prompt: hung up")
            return
        _say("gdb has the line")
        splitter = Splitter()
        with self._change:
            self._splitter, self._has_line = splitter, True
        with contextlib.suppress(OSError):
            while data := peer.recv(4096):
                with self._change:
                    splitter.watch(data)
                self._line.send(data)
        with self._change:
            self._has_line = False
            self._is_abandoned = splitter.is_running and not splitter.has_left
            if not splitter.is_running and not splitter.has_left:
                self._release()
        _say("gdb has gone; the line is yours" + (", the machine still runs" if splitter.is_running else ""))

    def _obtain_prompt(self) -> bool:
        """Stop the machine unless it shows the prompt; False: it does not answer."""
        if self._sees_prompt(0):
            return True
        self.send_break()
        if self._sees_prompt(BREAK_SECONDS):
            return True
        self._line.send(NEW_LINE)
        return self._sees_prompt(PROMPT_SECONDS)

    def _sees_prompt(self, seconds: float) -> bool:
        with self._change:
            return self._change.wait_for(lambda: self._tail == PROMPT, seconds)

    def _release(self) -> None:
        """Do what gdb has left undone: detach. The stub gives the prompt back."""
        self._is_abandoned = False
        self._line.send(packet(b"D"))


def _say(text: str) -> None:
    print(f"\r\n[spoor: {text}]\r", file=sys.stderr, flush=True)
