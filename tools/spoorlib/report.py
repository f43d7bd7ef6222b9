# SPDX-License-Identifier: MIT
"""spoor report: where the time went."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from . import report_data, report_html, report_text
from .console import UserError, describe_file
from .options import Subparsers, add_command

EXAMPLES = """\
  spoor report build/demo/demo.spoor                     in the terminal
  spoor report --html report.html build/demo/demo.spoor  one page with plots, which needs nothing else
  spoor report --slowest-call build/demo/demo.spoor      the slowest call and what it waited for
  spoor report --slowest-call --json demo.spoor | jq .cause
  spoor report --json demo.spoor > before.json           for 'spoor diff' and scripts
"""
DESCRIPTION = """\
IPC latency by server and operation, the critical path of the slowest calls through nested servers, wake-up-to-run
latency, processor time by process and core, page faults, system calls, interrupts, losses."""


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "report", "where the time went: calls, wake-ups, processors, faults", DESCRIPTION,
                         EXAMPLES)
    parser.add_argument("file", type=Path, help="capture (.spoor), or what --json has written (.json)")
    parser.add_argument("--slowest-call", action="store_true", help="only the slowest call, with its critical path")
    parser.add_argument("--json", action="store_true", help="for scripts")
    parser.add_argument("--html", type=Path, metavar="PAGE", help="write a page with plots")
    parser.add_argument("--symbols", type=Path, metavar="ELF", help="names for addresses (the kernel's ELF file)")
    parser.add_argument("--icount", type=int, metavar="SHIFT", help="count instructions: the machine ran under -icount "
                        "with this shift (known already if 'spoor trace record --icount' made the capture)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    report = report_data.load(args.file, args.symbols)
    scale = report_data.scale_of(report, args.icount)
    if args.html:
        args.html.write_text(report_html.render(report, scale), encoding="utf-8")
        print(describe_file(args.html))
    elif args.slowest_call:
        show_slowest(report, scale, args.json)
    elif args.json:
        print(json.dumps(report, indent=2))
    else:
        print(report_text.render(report, scale))
    return 0


def show_slowest(report: report_data.Json, scale: report_data.Scale, as_json: bool) -> None:
    calls = report_data.slowest_calls(report)
    if not calls:
        raise UserError("there is no call that is whole in this capture; was the category 'ipc' recorded?")
    if as_json:
        print(json.dumps(report_data.slowest_as_json(calls[0]), indent=2))
    else:
        print("\n".join(report_text.slowest_call(calls[0], scale)))
