# SPDX-License-Identifier: MIT
"""spoor test: the tests, through make or a single one through pytest."""

from __future__ import annotations

import argparse
import subprocess
import sys

from qemu.paths import ROOT

from .console import UserError
from .options import Subparsers, add_command

EXAMPLES = """\
  spoor test                                     the same as 'make test'
  spoor test host                                'make test-host'
  spoor test tests/system/test_boot.py -k four   single tests, options of pytest
"""
TARGETS = ("test", "host", "system", "long")


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "test", "run the tests", "Run the tests of the project.", EXAMPLES)
    parser.add_argument("what", nargs="?", default="test", help="host, system, long, or a test file (default: all)")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="...", help="for a test file: options of pytest")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if not (ROOT / "tests").is_dir():
        raise UserError("the tests are part of the source tree, which this installation is without")
    if args.what in TARGETS:
        target = "test" if args.what == "test" else f"test-{args.what}"
        return subprocess.run(["make", "-C", str(ROOT), target]).returncode
    return subprocess.run([sys.executable, "-m", "pytest", args.what, *args.rest], cwd=ROOT).returncode
