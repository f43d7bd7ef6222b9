# SPDX-License-Identifier: MIT
"""spoor unpack: what kdebug's filter z has packed, as text."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import packed_text, stop_report
from .attach import open_line
from .capture import Prompt
from .console import Progress, UserError
from .options import Subparsers, add_command
from .packed_text import PackedText

EXAMPLES = """\
  spoor unpack build/logs/run.serial.log          a log in which somebody typed 'report | z' at kdebug's prompt
  spoor unpack /dev/ttyUSB0 > report.txt          break in, 'report | z', resume; damaged lines are asked for again
  spoor unpack /tmp/spoor.sock -c 'bt all'        the same with another command, packed on the way
Exit code 1: something is damaged; the message says what, and all that is whole is printed.
"""


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "unpack", "text that kdebug's filter z has packed: 'report | z'",
                         "Print what was packed for a slow line, out of a serial log or from a live machine.", EXAMPLES)
    parser.add_argument("source", type=Path, help="serial log, unix socket or terminal device")
    parser.add_argument("-c", "--command", default="report", metavar="LINE",
                        help="live lines: what to run at the prompt (default: report)")
    parser.add_argument("--stay", action="store_true", help="live lines: leave the machine at the prompt afterwards")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    trouble = [line for text in _obtain(args) for line in _print(text)]
    for line in trouble:
        print(f"spoor: {line}", file=sys.stderr)
    return 1 if trouble else 0


def _obtain(args: argparse.Namespace) -> list[PackedText]:
    if args.source.is_socket() or args.source.is_char_device():
        with Prompt(open_line(args.source), args.stay, Progress()) as prompt:
            return [packed_text.fetch(prompt.ask, args.command)]
    if not args.source.is_file():
        raise UserError(f"{args.source} does not exist")
    texts = packed_text.find_texts(args.source.read_text(errors="replace"))
    if not texts:
        raise UserError(f"{args.source} holds nothing that kdebug's filter z has packed")
    return texts


def _print(text: PackedText) -> list[str]:
    """Returns what is wrong with it."""
    sys.stdout.write(text.text)
    return [text.trouble] * bool(text.trouble) + [f"block {number} is damaged" for number in text.damaged] \
        + [f"damaged in the report: {name}" for name in stop_report.damaged_sections(text.text)]
