# SPDX-License-Identifier: MIT
"""The entry of `spoor`: subcommands, errors, exit codes.

Exit codes: 0 done · 1 it went wrong, the message says what to do · 2 wrong arguments · 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys

from qemu.errors import MachineError

from . import attach, capture, debug, demo, diff, open_ui, passphrase, picture, post, query, report, run, test, tool
from . import trace, unpack
from .console import UserError

MODULES = (run, trace, attach, capture, post, unpack, report, diff, query, open_ui, picture, debug, demo, passphrase,
           test)

EXAMPLES = """\
first steps:
  spoor demo                        boot, break in, capture, convert, check
  spoor open build/demo/demo.pftrace
  spoor run                         a machine on this terminal; Ctrl-] b breaks into kdebug
  spoor trace record sched,ipc -o out.pftrace
help for one command: spoor COMMAND --help
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="spoor", description="Run, debug and trace the Spoor microkernel.",
                                     epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in MODULES:
        module.add_parser(commands)
    for command in tool.COMMANDS:
        # Never parsed here: main() hands them over. They are listed for the help page.
        commands.add_parser(command.name, help=command.summary)
    return parser


def parse(arguments: list[str]) -> argparse.Namespace:
    """Options and, in args.behind, what stands behind '--', which argparse cannot tell from what stands before it."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    parser = build_parser()
    args = parser.parse_args(arguments[:end])
    args.behind = arguments[end + 1:]
    if args.behind and not getattr(args, "takes_rest", False):
        parser.error(f"spoor {args.command} takes nothing behind --")
    return args


def main(arguments: list[str]) -> int:
    """Run a command line without the program name; returns the exit code."""
    try:
        passed_on = tool.find(arguments[0]) if arguments else None
        if passed_on:
            return tool.run(passed_on, arguments[1:])
        args = parse(arguments)
        return int(args.run(args))
    except (UserError, MachineError) as error:
        print(f"spoor: {error}", file=sys.stderr)
        for note in getattr(error, "__notes__", ()):
            print(f"spoor: {note}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nspoor: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Our output was a pipe whose reader has gone (spoor info | head): not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
