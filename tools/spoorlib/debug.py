# SPDX-License-Identifier: MIT
"""spoor gdb: QEMU with its own gdb stub, and gdb with the kernel's symbols and the helper of tools/gdb."""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from qemu import paths
from qemu.machine import Machine

from .console import UserError
from .options import Subparsers, add_command, add_machine_options, build_mode, machine_config

HELPER = paths.ROOT / "tools" / "gdb" / "spoor.py"

EXAMPLES = """\
  spoor gdb                               stopped at the reset vector; then: hbreak kernel_main, continue
  spoor gdb --cpus 1 --cmdline 'workload=none'
  spoor gdb -- -batch -ex 'hbreak kernel_main' -ex continue -ex bt
inside gdb: spoor threads, spoor bt TID, spoor processes, spoor percpu; Ctrl-C stops the machine, quit ends it
The serial line goes to build/logs/gdb.serial.log (tail -f it in another terminal).
"""


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "gdb", "boot in QEMU under gdb",
                         "Start QEMU stopped, with its gdb stub, and gdb with symbols and Spoor's helper.", EXAMPLES)
    add_machine_options(parser)
    parser.add_argument("arguments", nargs="*", metavar="GDB-ARGUMENT", help="after --: passed to gdb")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if shutil.which("gdb") is None:
        raise UserError("gdb is not installed: run 'make deps'")
    with tempfile.TemporaryDirectory(prefix="spoor-gdb-") as folder:
        stub = Path(folder) / "stub"
        config = machine_config(args, name="gdb", hold=True, gdb=f"unix:{stub},server=on,wait=off")
        machine = Machine(config)
        with machine:
            print(f"spoor: serial line in {paths.show(machine.log('serial'))}", file=sys.stderr)
            return _run_gdb(gdb_command(stub, build_mode(args), args.arguments))


def gdb_command(stub: Path, mode: str, arguments: list[str]) -> list[str]:
    """gdb's command line: our set-up first, then what the user asked for."""
    setup = ["set pagination off" if "-batch" in arguments else "set confirm off", "set architecture i386:x86-64",
             f"source {HELPER}", f"target remote {stub}"]
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
