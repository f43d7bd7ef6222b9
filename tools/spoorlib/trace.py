# SPDX-License-Identifier: MIT
"""spoor trace record: run something and get a Perfetto file, in one command."""

from __future__ import annotations

import argparse
import struct
import time
from pathlib import Path

from qemu import paths
from qemu.errors import MachineTimeout
from qemu.machine import Machine
from qemu.paths import show

from . import event_choice, tracetool
from .console import Progress, UserError, describe_file, seconds_from
from .options import Subparsers, add_command, add_machine_options, machine_config
from .workload import ALL_DONE, STARTED, wait_capture, wait_workload

EXAMPLES = """\
  spoor trace record                                    all categories, the demo workload -> build/trace/out.pftrace
  spoor trace record sched,ipc -o ipc.pftrace           two categories only
  spoor trace record all,-sched.queue.depth,-mm         without one event and a category
  spoor trace record --workload ipcload,touch --cpus 2
  spoor trace record --for 5s --workload hog:seconds=60 stop after 5 s, finished or not
  spoor open build/trace/out.pftrace                    look at it
  spoor trace record --profile 1000                     with samples of kernel and user stacks: a flame graph
  spoor trace record --icount 4 --cpus 1 --workload slowcall    times are instructions, the same in every run
categories: sched irq syscall fault ipc life log user timer kdebug mm profile (default: all)
"""
BOOT_SECONDS = 120.0
WORKLOAD_SECONDS = 600.0
END_SECONDS = 60.0
# struct capture_block with type END, and struct capture_end.
END_BLOCK_START = struct.pack("<IH", 0x4B425053, 6)
END_BLOCK_BYTES = 32 + 16


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "trace", "record a trace: boot, run, capture, convert",
                         "Record what the kernel does, and make a Perfetto file of it.", EXAMPLES)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    record = add_command(verbs, "record", "boot, record, convert", "Boot, run a workload, record, convert.", EXAMPLES)
    record.add_argument("events", nargs="?", default="all", type=_events,
                        help="comma-separated categories and events, those behind '-' left out (default: all)")
    record.add_argument("--for", dest="seconds", type=_seconds, metavar="TIME",
                        help="end after this time, such as 5s or 500ms (default: when the workload is done)")
    record.add_argument("--workload", default="demo", metavar="LIST", help="programs to run, NAME[:KEY=VALUE...],... "
                        "(default: demo)")
    record.add_argument("-o", "--output", type=Path, metavar="FILE",
                        help="Perfetto file to write; the capture goes beside it (default: build/trace/out.pftrace)")
    record.add_argument("--icount", type=int, metavar="SHIFT",
                        help="count instructions: each is 2^SHIFT ns of virtual time (4 is good); 'spoor report' and "
                        "'diff' then speak of instructions")
    record.add_argument("--profile", type=_rate, metavar="RATE",
                        help="sample stacks, so many times per second on each busy core (19 to 10000; 1000 is good)")
    add_machine_options(record)
    record.set_defaults(run=run)
    parser.set_defaults(run=lambda args: _help(parser))


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 0


def _events(text: str) -> str:
    trouble = event_choice.check(text)
    if trouble:
        raise argparse.ArgumentTypeError(trouble)
    return text


def _rate(text: str) -> int:
    if not text.isdecimal() or not 19 <= int(text) <= 10000:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate from 19 to 10000")
    return int(text)


def _seconds(text: str) -> float:
    try:
        return seconds_from(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 5s, 500ms or 2m") from None


def run(args: argparse.Namespace) -> int:
    target = args.output or paths.build_folder() / "trace" / "out.pftrace"
    capture = target.with_suffix(".spoor")
    target.parent.mkdir(parents=True, exist_ok=True)
    progress = Progress()
    words = [args.cmdline or "", f"workload={args.workload}", f"trace={args.events}"]
    if args.profile is not None:
        words.append(f"profile={args.profile}")
    if args.icount is not None:
        words.append(f"icount={args.icount}")  # nobody obeys it: it tells 'spoor report' what a nanosecond is worth
    config = machine_config(args, name="trace", capture=capture, cmdline=" ".join(words).strip(), icount=args.icount)
    with progress.step(f"booting {config.cpus} cores"), Machine(config) as machine:
        machine.expect(STARTED, BOOT_SECONDS)
        progress.say(f"recording {args.events} while {args.workload} runs ...")
        _record(machine, capture, args.seconds, progress)
    with progress.step("converting"):
        tracetool.convert(capture, target, config.mode)
    good, text = tracetool.check(capture)
    print(text)
    print(f"{describe_file(capture)}, {describe_file(target)}\nlook at it: tools/spoor open {show(target)}")
    return 0 if good or args.seconds else 1


def _record(machine: Machine, capture: Path, seconds: float | None, progress: Progress) -> None:
    """Wait until the workload is done, or for the given time; then until everything is in the file."""
    if seconds is None:
        wait_workload(machine, WORKLOAD_SECONDS, progress)
        wait_capture(machine)
        return
    try:
        machine.serial.expect(ALL_DONE, seconds)
        wait_capture(machine)
    except MachineTimeout:
        progress.say("time is up; ending the recording ...")
        machine.capture_command("stop")
        wait_end_block(capture)


def wait_end_block(capture: Path) -> None:
    """Wait until the capture file closes with an END block (trace/format/capture.h). A plain file gives no event."""
    deadline = time.monotonic() + END_SECONDS
    while time.monotonic() < deadline:
        with capture.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - END_BLOCK_BYTES))
            if file.read(len(END_BLOCK_START)) == END_BLOCK_START:
                return
        time.sleep(0.02)
    raise UserError(f"the trace consumer did not end its session within {END_SECONDS:g} s; {show(capture)} is cut, but "
                    "what is in it can be read")
