# SPDX-License-Identifier: MIT
"""spoor test: the tests that run inside the system; or those of the project, through make or single ones."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from qemu.errors import MachineError
from qemu.paths import ROOT
from qemu.snapshot import machine_from_firmware

from . import inside
from .console import Progress, UserError
from .options import Subparsers, add_command, add_machine_options, machine_config
from .workload import ALL_DONE

EXAMPLES = """\
  spoor test                                     boot, run the tests of the system, say how they ended (TAP)
  spoor test --cpus 1 --json                     the same on one core, as JSON
  spoor test inside syscheck waits:rounds=9      only these programs
  spoor test all                                 'make test'; host: 'make test-host', and so on
  spoor test tests/system/test_boot.py -k four   single tests of the project, options of pytest
"""
TARGETS = {"all": "test", "host": "test-host", "system": "test-system", "long": "test-long"}
LIMIT_SECONDS = 300.0


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "test", "run the tests",
                         "Run the tests inside the system, or those of the project.", EXAMPLES)
    add_machine_options(parser)
    parser.add_argument("--json", action="store_true", help="of those inside: JSON in place of TAP")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="of those inside: also write JUnit's XML")
    parser.add_argument("--planted", action="store_true",
                        help="of those inside: also two programs with tests that fail on purpose")
    parser.add_argument("what", nargs="?", default="inside",
                        help="inside (default), all, host, system, long, or a test file")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="...",
                        help="inside: programs, as 'workload=' has them; for a test file: options of pytest")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.what == "inside":
        return run_inside(args)
    if not (ROOT / "tests").is_dir():
        raise UserError("these tests are part of the source tree, which this installation is without; 'spoor test' "
                        "alone runs those inside the system")
    if args.what in TARGETS:
        return subprocess.run(["make", "-C", str(ROOT), TARGETS[args.what]]).returncode
    return subprocess.run([sys.executable, "-m", "pytest", args.what, *args.rest], cwd=ROOT).returncode


def run_inside(args: argparse.Namespace) -> int:
    """Boot once, run all one after the other; 1 if one has failed."""
    wanted = [*(args.rest or inside.PROGRAMS), *(inside.PLANTED if args.planted else ())]
    options = f"{inside.OPTIONS} {args.cmdline or ''}".rstrip()
    text, trouble = run_machine(args, f"workload={','.join(wanted)} {options}")
    collector = inside.collect(text)
    if trouble:
        collector.give_up(wanted, trouble)
    programs = collector.programs
    if args.junit:
        args.junit.write_bytes(inside.junit(programs))
    if args.json:
        print(json.dumps(inside.as_json(programs), indent=1))
    else:
        print(inside.tap(programs), end="")
    return 0 if inside.count(programs, inside.FAILED) == 0 and len(programs) == len(wanted) else 1


def run_machine(args: argparse.Namespace, cmdline: str) -> tuple[str, str]:
    """What the console said until all were done, and what went wrong if they never were."""
    progress = Progress()
    # Nobody listens at the capture port: it is a COM2 for the driver.
    config = machine_config(args, name="test-inside", capture_port="com2", cmdline=cmdline)
    with progress.step(f"running the tests on {config.cpus} cores"), machine_from_firmware(config) as machine:
        try:
            machine.expect(ALL_DONE, LIMIT_SECONDS)
        except MachineError as error:
            return machine.serial.text, str(error).splitlines()[0]
        return machine.serial.text, ""
