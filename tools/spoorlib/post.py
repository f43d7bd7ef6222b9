# SPDX-License-Identifier: MIT
"""spoor post: what a dead machine did last."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import deque
from pathlib import Path

from qemu import paths
from qemu.paths import post_tool, show, trace_tool

from . import capture, report_data, report_text, tracetool
from .console import Progress, UserError, describe_file
from .options import Subparsers, add_command

EXAMPLES = """\
  spoor post guest.mem                    a memory image: QEMU's pmemsave or dump-guest-memory
  spoor post build/logs/run.serial.log    a log in which somebody typed 'trace dump' at kdebug's prompt
  spoor post /dev/ttyUSB0                 a machine that can still be broken into
  spoor post crash.spoor --last 100       a capture
  spoor post dead.core --prompt           kdebug's prompt over a core file: QEMU's dump-guest-memory, capture --memory
  spoor post dead.core -c 'bt all' -c waits     the same for scripts: run these lines, print what they print
Writes post.pftrace (and post.spoor) to the folder; prints the last log lines, the last events, where time went.
At the prompt are the commands of the machine's own kdebug; those that would change it say that it is dead. ^D leaves.
"""


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "post", "what a dead machine did last: rings, timeline, last events",
                         "Get the rings out of what is left of a machine, and say what is in them.", EXAMPLES)
    parser.add_argument("source", type=Path, help="memory image, capture, serial log, or a line to a live machine")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="where to write (default: build/post)")
    parser.add_argument("--last", type=int, default=40, metavar="N", help="events to show (default: 40)")
    parser.add_argument("--prompt", action="store_true", help="only kdebug's prompt, no report")
    parser.add_argument("-c", "--command", action="append", default=[], metavar="LINE",
                        help="only run this line of kdebug's")
    parser.add_argument("--kernel", type=Path, metavar="FILE",
                        help="kernel.elf that ran (default: build/debug/kernel.elf)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.prompt or args.command:
        return run_prompt(args)
    folder = args.output or paths.work_folder() / "post"
    folder.mkdir(parents=True, exist_ok=True)
    rings, timeline = folder / "post.spoor", folder / "post.pftrace"
    if is_capture(args.source):
        rings = args.source
    else:
        capture.obtain(args.source, rings, None, False, Progress())
    good, text = tracetool.check(rings)
    print(text)
    print(tracetool.output("info", str(rings), accept=(0, 1)))
    show_last("The last lines of the kernel's log", rings, 10, "--filter", "log")
    show_last("The last events", rings, args.last)
    report = report_data.load(rings)
    print(report_text.render(report, report_data.scale_of(report)))
    tracetool.output("convert", "--quiet", "--all", str(rings), str(timeline), accept=(0, 1))
    print(f"\n{describe_file(timeline)}; look at it: tools/spoor open {show(timeline)}")
    return 0 if good else 1


def run_prompt(args: argparse.Namespace) -> int:
    """kdebug itself, over the core file."""
    if not args.source.is_file():
        raise UserError(f"{args.source} is no file")
    lines = [word for line in args.command for word in ("-c", line)]
    if not lines and sys.stdin.isatty():
        print(f"spoor: a dead machine, {show(args.source)}; ^D leaves", file=sys.stderr)
    kernel = args.kernel or paths.kernel_elf()
    command = [post_tool(), "-k", kernel, "-i", kernel.parent / "boot.img", *lines, args.source]
    return subprocess.run(list(map(str, command)), check=False).returncode


def is_capture(path: Path) -> bool:
    """A capture or a memory image that spoor-trace reads as it is."""
    if not path.is_file():
        return False
    done = subprocess.run([str(trace_tool()), "info", "--json", str(path)], capture_output=True)
    return done.returncode in (0, 1)


def show_last(title: str, rings: Path, count: int, *options: str) -> None:
    """The end of a dump; it may be long, so only the end is kept."""
    command = [str(trace_tool()), "dump", *options, str(rings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        if process.stdout is None:
            raise UserError("spoor-trace dump has no output")
        lines = deque(process.stdout, maxlen=count)
    print(f"\n{title}\n" + ("".join("  " + line for line in lines) or "  none\n"))
