# SPDX-License-Identifier: MIT
"""spoor run: a machine with its serial line on the terminal."""

from __future__ import annotations

import argparse
import contextlib
import socket
import sys
from pathlib import Path

from qemu.config import DISKS
from qemu.errors import MachineError
from qemu.machine import Machine
from qemu.paths import show

from . import colours, terminal
from .console import UserError
from .options import Subparsers, add_colour_option, add_command, add_machine_options, machine_config

EXAMPLES = """\
  spoor run                              four cores, the demo workload
  spoor run --cpus 1 --cmdline 'workload=none'
  spoor run --capture out.spoor          the trace goes to a file meanwhile
  spoor run --serial /tmp/spoor.sock     then, elsewhere: spoor attach /tmp/spoor.sock
  spoor run --display gtk --cmdline 'workload=keys services=screen'
  spoor run --shell --display gtk        a shell at the serial line, and one on the screen
  spoor run --disk data.img --cmdline 'workload=sectors:read'
  spoor run --display gtk --usb --cmdline 'workload=keys services=screen,usb'
  spoor run --gdb                        then: gdb -ex 'target remote :1234' build/debug/kernel.elf
keys: Ctrl-] q quits, Ctrl-] b sends a BREAK (kdebug), Ctrl-] ? helps
"""


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "run", "boot in QEMU, serial line on the terminal",
                         "Boot Spoor in QEMU with its serial line on this terminal.", EXAMPLES)
    add_machine_options(parser)
    parser.add_argument("--gdb", nargs="?", const="tcp::1234", metavar="ADDRESS",
                        help="open QEMU's gdb stub (default address tcp::1234)")
    parser.add_argument("--wait-gdb", action="store_true", help="with --gdb: do not start before gdb says so")
    parser.add_argument("--capture", type=Path, metavar="FILE", help="write what the trace consumer ships to FILE")
    parser.add_argument("--serial", type=Path, metavar="SOCKET",
                        help="offer the serial line on a unix socket instead of the terminal")
    parser.add_argument("--disk", type=Path, metavar="FILE",
                        help="a further disk: the guest's service 'disk' reads and WRITES this file (raw sectors)")
    parser.add_argument("--disk-bus", choices=sorted(DISKS), default="virtio",
                        help="what that disk is behind (default: virtio)")
    parser.add_argument("--shell", action="store_true", help="no workload but a shell, here and on the screen")
    parser.add_argument("--display", metavar="KIND",
                        help="show the screen, as QEMU's -display has it: gtk, sdl, vnc=:0 (default: it is not shown)")
    parser.add_argument("--usb", action="store_true",
                        help="plug in a USB keyboard and mouse, which then get what is typed; services=usb drives them")
    add_colour_option(parser)
    parser.set_defaults(run=run)


class MachineLine:
    """The serial line of a machine, as the terminal wants it."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def send(self, data: bytes) -> None:
        self._machine.send(data)

    def send_break(self) -> None:
        self._machine.send_break()


SHELLS = "workload=none services=shell,screen_shell"


def run(args: argparse.Namespace) -> int:
    if args.shell:
        args.cmdline = " ".join(word for word in (SHELLS, args.cmdline) if word)
    config = machine_config(args, name="run", gdb=args.gdb, capture=args.capture, hold=args.wait_gdb,
                            disk=_disk(args.disk), disk_bus=args.disk_bus,
                            usb=("usb-kbd", "usb-mouse") if args.usb else (),
                            extra=("-display", args.display) if args.display else ())
    machine = Machine(config)
    if args.serial:
        return _run_on_socket(machine, args.serial)
    line = terminal.Terminal(MachineLine(machine), machine.symbols, colours.is_wanted(args.colour))
    print(f"spoor: {config.cpus} cores, log in {show(machine.log('serial'))}; Ctrl-] q quits, Ctrl-] b breaks in, "
          "Ctrl-] ? helps", file=sys.stderr)
    machine.on_serial(line.take, line.end)
    with machine:
        quit_asked = line.run()
    print("\nspoor: quit" if quit_asked else "\nspoor: the machine has ended", file=sys.stderr)
    return 0


def _disk(path: Path | None) -> Path | None:
    """A disk that QEMU will take, or an error that says what to do."""
    if path is not None and not path.is_file():
        raise UserError(f"there is no {path}: make it with 'truncate -s 64M {path}'")
    return path


def _run_on_socket(machine: Machine, path: Path) -> int:
    """Offer the serial line on a unix socket until the machine ends."""
    if path.exists():
        raise UserError(f"{path} exists: remove it, or choose another name")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        try:
            listener.listen(1)
            relay = Relay(machine, listener)
            with machine:
                print(f"spoor: running; 'spoor attach {path}' to talk to it, Ctrl-C here ends it", file=sys.stderr)
                relay.run()
        finally:
            path.unlink()
    return 0


class Relay:
    """Passes bytes between a machine and whoever connects, one after the other; what nobody hears is in the log."""

    def __init__(self, machine: Machine, listener: socket.socket) -> None:
        """Before the machine starts."""
        self._machine = machine
        self._listener = listener
        self._client: socket.socket | None = None
        machine.on_serial(self._to_client, self._end)

    def run(self) -> None:
        """Serve clients until the machine ends."""
        while client := self._accept():
            self._client = client
            try:
                while data := client.recv(4096):
                    self._machine.send(data)
            except (OSError, MachineError):
                pass
            self._client = None
            client.close()

    def _accept(self) -> socket.socket | None:
        try:
            return self._listener.accept()[0]
        except OSError:  # _end() has closed it
            return None

    def _to_client(self, data: bytes) -> None:
        client = self._client
        if client:
            with contextlib.suppress(OSError):
                client.sendall(data)

    def _end(self) -> None:
        for side in (self._listener, self._client):
            if side:
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
