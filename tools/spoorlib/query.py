# SPDX-License-Identifier: MIT
"""spoor query: SQL over a trace, by Perfetto's trace processor where the user has one."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import views
from .console import UserError
from .open_ui import trace_file
from .options import Subparsers, add_command

EXAMPLES = """\
  spoor query "SELECT * FROM spoor_ipc_operation ORDER BY total_dur DESC" build/demo/demo.pftrace
  spoor query "SELECT reason, sum(dur) FROM spoor_wait GROUP BY reason" demo.spoor
  spoor query --tables                      print the definitions of our tables
Needs Perfetto's trace_processor_shell (https://perfetto.dev/docs/analysis/trace-processor): --tp, $TRACE_PROCESSOR, or
in PATH. 'spoor report' answers many questions without it.
"""
NAMES = ("trace_processor_shell", "trace_processor")


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "query", "SQL over a trace (needs Perfetto's trace processor)",
                         "Run SQL over a trace, with our tables of calls and waits (tools/trace/sql).", EXAMPLES)
    parser.add_argument("sql", nargs="?", help="the query")
    parser.add_argument("file", nargs="?", type=Path, help=".pftrace, or a .spoor capture (converted first)")
    parser.add_argument("--tp", metavar="PATH", help="the trace processor")
    parser.add_argument("--tables", action="store_true", help="print the definitions of our tables")
    parser.set_defaults(run=run)


def find_processor(wanted: str | None) -> str:
    """UserError: there is none."""
    for name in (wanted, os.environ.get("TRACE_PROCESSOR"), *NAMES):
        found = shutil.which(name) if name else None
        if found:
            return found
        if wanted:
            raise UserError(f"{wanted} is not a program that can be run")
    raise UserError("no trace processor was found: give --tp PATH or set TRACE_PROCESSOR (see spoor query --help)")


def run(args: argparse.Namespace) -> int:
    if args.tables:
        print(views.tables(), end="")
        return 0
    if args.sql is None or args.file is None:
        raise UserError("give a query and a file; see spoor query --help")
    processor = find_processor(args.tp)
    file = trace_file(args.file)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as text:
        text.write(f"{views.tables()}\n{args.sql.rstrip().rstrip(';')};\n")
        text.flush()
        return subprocess.run([processor, "-q", text.name, str(file)]).returncode
