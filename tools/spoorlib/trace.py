# SPDX-License-Identifier: MIT
"""spoor trace record: run something and get a Perfetto file, in one command."""

from __future__ import annotations

import argparse
import struct
import time
from dataclasses import dataclass
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
  spoor trace record                                    all events, the demo workload -> build/trace/out.pftrace
  spoor trace record calls -o ipc.pftrace               a preset
  spoor trace record sched,ipc -- ipcload:calls=500     two categories, a workload with a parameter
  spoor trace record all,-sched.queue.depth,-mm         without one event and a category
  spoor trace record --cpus 2 -- ipcload touch
  spoor trace record --for 5s -- hog:steps=1000000000000 end after 5 s, finished or not
  spoor trace record --until 'fault.exit,outcome=failed' -- churn
  spoor trace record --until 'ipc.return,status!=OK'    end when a call has failed: the cause is at the end
  spoor open build/trace/out.pftrace                    look at it
  spoor trace record --trigger 'stop=1000:ipc.return,status!=OK'   the kernel ends it, 1000 events behind
  spoor trace record --profile 1000                     with samples of kernel and user stacks: a flame graph
  spoor trace record --functions 'mailbox_*,sys_*'      with calls of these kernel functions
  spoor trace record --probe 'syscall_dispatch,number=rdi:trap_frame.rax'   and these values at this function
  spoor trace record --icount 4 --cpus 1 -- slowcall    times are instructions, the same in every run
presets:
""" + event_choice.presets_text() + """\
categories: sched irq syscall fault ipc life log user timer kdebug mm profile function lock (default: all)
"""
BOOT_SECONDS = 120.0
WORKLOAD_SECONDS = 600.0
END_SECONDS = 60.0
# How often a growing capture is looked through for the event of --until; looking takes no more than half of the time.
LOOK_SECONDS = 0.3
# struct capture_block with type END, and struct capture_end.
END_BLOCK_START = struct.pack("<IH", 0x4B425053, 6)
END_BLOCK_BYTES = 32 + 16


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "trace", "record a trace: boot, run, capture, convert",
                         "Record what the kernel does, and make a Perfetto file of it.", EXAMPLES)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    record = add_command(verbs, "record", "boot, record, convert", "Boot, run a workload, record, convert.", EXAMPLES)
    record.add_argument("events", nargs="?", default="all", type=_events, help="a preset, or comma-separated "
                        "categories and events, those behind '-' left out (default: all)")
    record.add_argument("--for", dest="seconds", type=_seconds, metavar="TIME",
                        help="end after this time, such as 5s or 500ms (default: when the workload is done)")
    record.add_argument("--until", type=_predicate, metavar="PREDICATE",
                        help="end after an event that matches: EVENT,FIELD>VALUE,... as for 'spoor dump --filter'")
    record.add_argument("--workload", metavar="LIST", help="programs to run, NAME[:KEY=VALUE...] each, with commas; "
                        "or without commas behind -- (default: demo)")
    record.add_argument("-o", "--output", type=Path, metavar="FILE",
                        help="Perfetto file to write; the capture goes beside it (default: build/trace/out.pftrace)")
    record.add_argument("--icount", type=int, metavar="SHIFT",
                        help="count instructions: each is 2^SHIFT ns of virtual time (4 is good); 'spoor report' and "
                        "'diff' then speak of instructions")
    record.add_argument("--probe", metavar="LIST",
                        help="record values at instructions of the kernel: SYMBOL+OFFSET,NAME=REGISTER,... with ';' "
                        "between; REGISTER:STRUCT.MEMBER for what it points to")
    record.add_argument("--trigger", metavar="LIST",
                        help="at an event: ACTION:EVENT,FIELD>VALUE,... with ';' between; actions: mark, "
                        "stop=N (end after N more events), snapshot (keep the rings as they are), kdebug; "
                        "EVENT,more=N,within=NS: at one too many in a time")
    record.add_argument("--profile", type=_rate, metavar="RATE",
                        help="sample stacks, so many times per second on each busy core (19 to 10000; 1000 is good)")
    record.add_argument("--functions", metavar="LIST",
                        help="trace these functions of the kernel, from boot on: names with commas between, '*' for "
                        "any characters, '-' in front to leave out, 'all'")
    add_machine_options(record)
    record.set_defaults(run=run, takes_rest=True)
    parser.set_defaults(run=lambda args: _help(parser))


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 0


def _events(text: str) -> str:
    trouble = event_choice.check(text)
    if trouble:
        raise argparse.ArgumentTypeError(trouble)
    return text


def _predicate(text: str) -> str:
    trouble = tracetool.filter_trouble(text)
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
    target = args.output or paths.work_folder() / "trace" / "out.pftrace"
    capture = target.with_suffix(".spoor")
    target.parent.mkdir(parents=True, exist_ok=True)
    progress = Progress()
    workload = _workload(args)
    words = [args.cmdline or "", f"workload={workload}", f"trace={event_choice.expand(args.events)}"]
    if args.probe is not None:
        words.append(f"probe={args.probe}")
    if args.trigger is not None:
        words.append(f"trigger={args.trigger}")
    if args.profile is not None:
        words.append(f"profile={args.profile}")
    if args.functions is not None:
        words.append(f"functions={args.functions}")
    if args.icount is not None:
        words.append(f"icount={args.icount}")  # nobody obeys it: it tells 'spoor report' what a nanosecond is worth
    config = machine_config(args, name="trace", capture=capture, cmdline=" ".join(words).strip(), icount=args.icount)
    with progress.step(f"booting {config.cpus} cores"), Machine(config) as machine:
        machine.expect(STARTED, BOOT_SECONDS)
        progress.say(f"recording {args.events} while {workload} runs ...")
        _record(machine, capture, End(args.seconds, args.until), progress)
    with progress.step("converting"):
        tracetool.convert(capture, target, config.mode)
    good, text = tracetool.check(capture)
    print(text)
    print(f"{describe_file(capture)}, {describe_file(target)}\nlook at it: tools/spoor open {show(target)}")
    return 0 if good or args.seconds or args.until else 1


def _workload(args: argparse.Namespace) -> str:
    """UserError: it is said twice."""
    if args.behind and args.workload:
        raise UserError("give the workload behind -- or with --workload, not both")
    return args.workload or ",".join(args.behind) or "demo"


@dataclass
class End:
    """When a recording ends before the workload does: after a time, at an event, whichever comes first."""

    seconds: float | None
    event: str | None

    @property
    def is_workload(self) -> bool:
        return self.seconds is None and self.event is None


def _record(machine: Machine, capture: Path, end: End, progress: Progress) -> None:
    """Wait until the workload is done, or for the end that was asked for; then until everything is in the file."""
    if end.is_workload:
        wait_workload(machine, WORKLOAD_SECONDS, progress)
        wait_capture(machine)
        return
    reason = _wait_end(machine, capture, end)
    if reason is None:
        wait_capture(machine)
        if end.event and not tracetool.find_event(capture, end.event):
            progress.say(f"the workload is done, and nothing matched {end.event}")
        return
    progress.say(f"{reason}; ending the recording ...")
    machine.capture_command("stop")
    wait_end_block(capture)


def _wait_end(machine: Machine, capture: Path, end: End) -> str | None:
    """Why the recording is to end; None: the workload is done."""
    start = time.monotonic()
    limit = end.seconds if end.seconds is not None else WORKLOAD_SECONDS
    pause = LOOK_SECONDS if end.event else limit
    while (left := start + limit - time.monotonic()) > 0:
        try:
            machine.serial.expect(ALL_DONE, min(pause, left))
            return None
        except MachineTimeout:
            pass
        looked = time.monotonic()
        if end.event:
            if found := tracetool.find_event(capture, end.event):
                return f"there it is: {found}"
            machine.capture_command("flush")  # what is in half-filled buffers is there at the next look
        pause = max(LOOK_SECONDS, time.monotonic() - looked)
    return "time is up"


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
