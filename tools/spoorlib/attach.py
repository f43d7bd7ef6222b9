# SPDX-License-Identifier: MIT
"""spoor attach: a terminal on a serial line that something else provides."""

from __future__ import annotations

import argparse
import os
import socket
import stat
import sys
import termios
import tty
from pathlib import Path

from qemu import paths
from qemu.errors import MachineError
from qemu.symbols import SymbolTable

from . import colours
from .console import UserError
from .gdb_port import SharedLine
from .options import Subparsers, add_colour_option, add_command
from .terminal import Terminal, start_reader

EXAMPLES = """\
  spoor attach /tmp/spoor.sock           a machine started by 'spoor run --serial /tmp/spoor.sock'
  spoor attach /dev/ttyUSB0              a real machine, 115200 8N1
  spoor attach /dev/pts/5 --kernel build/release/kernel.elf
  spoor attach /dev/ttyUSB0 --gdb        then: gdb build/debug/kernel.elf -ex 'target remote :1234'
keys: Ctrl-] q quits, Ctrl-] b sends a BREAK (kdebug), Ctrl-] ? helps
A socket or pseudo-terminal cannot carry a BREAK: there, Ctrl-] b sends the escape byte 0x1c, which Spoor takes as one.
With --gdb the line serves the console and gdb by turns: when gdb connects, the machine is stopped at kdebug's prompt
and gdb has the line; the log goes on being shown here. When gdb detaches, the prompt is back.
"""
ESCAPE_BYTE = b"\x1c"
BAUD = termios.B115200


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "attach", "a terminal on a serial line, with symbols",
                         "Talk to Spoor over a unix socket, a pseudo-terminal or a serial port.\n"
                         "Kernel addresses in the output get their symbol names.", EXAMPLES)
    parser.add_argument("line", type=Path, help="unix socket, /dev/pts/N or /dev/ttyS…")
    parser.add_argument("--kernel", type=Path, metavar="FILE",
                        help="kernel.elf for names (default: build/debug/kernel.elf)")
    parser.add_argument("--gdb", nargs="?", const="1234", metavar="PORT",
                        help="let gdb in on a port of this machine, or a unix socket (default: 1234)")
    add_colour_option(parser)
    parser.set_defaults(run=run)


class SocketLine:
    """A unix socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            raise UserError(f"cannot connect to {path}: {error.strerror}. Is the machine still running?") from error

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send_break(self, instead: bytes = ESCAPE_BYTE) -> None:
        self.send(instead)

    def receive(self) -> bytes:
        return self._socket.recv(65536)

    def fileno(self) -> int:
        return self._socket.fileno()


class TtyLine:
    """A terminal device: a serial port can send a real BREAK."""

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
        except OSError as error:
            raise UserError(f"cannot open {path}: {error.strerror}") from error
        tty.setraw(self._descriptor)
        settings = termios.tcgetattr(self._descriptor)
        settings[4] = settings[5] = BAUD
        termios.tcsetattr(self._descriptor, termios.TCSANOW, settings)
        self._pseudo = str(path).startswith("/dev/pts/")

    def send(self, data: bytes) -> None:
        os.write(self._descriptor, data)

    def send_break(self, instead: bytes = ESCAPE_BYTE) -> None:
        if self._pseudo:
            self.send(instead)
        else:
            termios.tcsendbreak(self._descriptor, 0)

    def receive(self) -> bytes:
        try:
            return os.read(self._descriptor, 4096)
        except OSError:
            return b""

    def fileno(self) -> int:
        return self._descriptor


def run(args: argparse.Namespace) -> int:
    raw = open_line(args.line)
    symbols = _symbols(args.kernel)
    line = SharedLine(raw, args.gdb) if args.gdb else raw
    print(f"spoor: attached to {args.line}; Ctrl-] q quits, Ctrl-] b breaks in, Ctrl-] ? helps", file=sys.stderr)
    terminal = Terminal(line, symbols, colours.is_wanted(args.colour))
    if isinstance(line, SharedLine):
        place = f":{args.gdb}" if args.gdb.isdecimal() else args.gdb
        print(f"spoor: gdb may come with 'target remote {place}'", file=sys.stderr)
    start_reader(line.receive, terminal)
    quit_asked = terminal.run()
    if isinstance(line, SharedLine):
        line.close()
    if not quit_asked:
        print("\nspoor: the line was closed", file=sys.stderr)
    return 0


def open_line(path: Path) -> SocketLine | TtyLine:
    """Whatever serves as a serial line under that name. UserError: nothing does."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    if stat.S_ISSOCK(mode):
        return SocketLine(path)
    if stat.S_ISCHR(mode):
        return TtyLine(path)
    raise UserError(f"{path} is neither a unix socket nor a terminal device")


def _symbols(kernel: Path | None) -> SymbolTable | None:
    try:
        return SymbolTable.from_elf(kernel or paths.kernel_elf())
    except (MachineError, OSError, ValueError) as error:
        if kernel:
            raise UserError(f"no symbols: {error}") from error
        print(f"spoor: addresses stay numbers: {error}", file=sys.stderr)
        return None
