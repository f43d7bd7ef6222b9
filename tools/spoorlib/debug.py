# SPDX-License-Identifier: MIT
"""spoor gdb: gdb with the kernel's symbols and the helper of tools/gdb, on a machine of QEMU's, a dump, or a line."""

from __future__ import annotations

import argparse
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from qemu import paths
from qemu.core import add_addresses
from qemu.machine import Machine

from .console import UserError
from .options import Subparsers, add_command, add_machine_options, build_mode, machine_config

HELPER = paths.ROOT / "tools" / "gdb" / "spoor.py"

EXAMPLES = """\
  spoor gdb                               stopped at the reset vector; then: hbreak kernel_main, continue
  spoor gdb --cpus 1 --cmdline 'workload=none'
  spoor gdb -- -batch -ex 'hbreak kernel_main' -ex continue -ex bt
  spoor gdb --core guest.core             a dump: (qemu) dump-guest-memory guest.core
  spoor gdb --target :1234                a machine that 'spoor attach LINE --gdb' is at, or any other stub
inside gdb: help spoor; Ctrl-C stops the machine, quit ends it
The serial line goes to build/logs/gdb.serial.log (tail -f it in another terminal).
"""


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "gdb", "boot in QEMU under gdb",
                         "Start QEMU stopped, with its gdb stub, and gdb with symbols and Spoor's helper.\n"
                         "What stands behind -- is passed to gdb.", EXAMPLES)
    parser.add_argument("--core", type=Path, metavar="FILE", help="no machine: look at a memory dump; it is given the "
                        "kernel's addresses at its end, once")
    parser.add_argument("--target", metavar="PLACE", help="no new machine: connect to a stub, ':1234' or a socket")
    add_machine_options(parser)
    parser.set_defaults(run=run, takes_rest=True)


def run(args: argparse.Namespace) -> int:
    if shutil.which("gdb") is None:
        raise UserError("gdb is not installed: run 'make deps'")
    if args.core and args.target:
        raise UserError("--core and --target: choose one")
    if args.core:
        return _run_gdb(gdb_command(_core(args.core), build_mode(args), args.behind))
    if args.target:
        return _run_gdb(gdb_command(f"target remote {args.target}", build_mode(args), args.behind))
    with tempfile.TemporaryDirectory(prefix="spoor-gdb-") as folder:
        stub = Path(folder) / "stub"
        config = machine_config(args, name="gdb", hold=True, gdb=f"unix:{stub},server=on,wait=off")
        machine = Machine(config)
        with machine:
            print(f"spoor: serial line in {paths.show(machine.log('serial'))}", file=sys.stderr)
            return _run_gdb(gdb_command(f"target remote {stub}", build_mode(args), args.behind))


def _core(path: Path) -> str:
    """gdb's command for a dump. UserError: it cannot be one."""
    try:
        add_addresses(path)
    except (OSError, struct.error) as error:
        raise UserError(f"{path}: {getattr(error, 'strerror', None) or 'no dump that can be read'}") from error
    return f"target core {path}"


def gdb_command(target: str, mode: str, arguments: list[str]) -> list[str]:
    """gdb's command line: our set-up first, what to look at, then what the user asked for."""
    setup = ["set pagination off" if "-batch" in arguments else "set confirm off", "set architecture i386:x86-64",
             f"source {HELPER}", target]
    command = ["gdb", "-q", "-nx", str(paths.kernel_elf(mode))]
    for line in setup:
        command += ["-iex" if line.startswith("set") else "-ex", line]
    return command + arguments


def _run_gdb(command: list[str]) -> int:
    # Ctrl-C is for gdb, which stops the machine; we only wait.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.run(command, preexec_fn=_default_interrupt).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def _default_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
