# SPDX-License-Identifier: MIT
"""spoor capture: get the rings of a stopped or dead kernel into a file."""

from __future__ import annotations

import argparse
import mmap
import re
import select
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from qemu.kdebug import LATE

from . import armour, memory_dump, tracetool
from .attach import SocketLine, TtyLine, open_line
from .console import Progress, UserError, describe_file, size_text
from .options import Subparsers, add_command

EXAMPLES = """\
  spoor capture /tmp/spoor.sock -o out.spoor     break in, 'trace dump', resume
  spoor capture /dev/ttyUSB0 --newest 4 -o out.spoor     only the newest 4 sub-buffers (64 KiB) per core
  spoor capture build/logs/run.serial.log -o out.spoor   a dump that somebody typed 'trace dump' for
  spoor capture guest.mem -o out.spoor           a memory image: QEMU's pmemsave or dump-guest-memory
  spoor capture /tmp/spoor.sock --previous -o crash.spoor    what happened before the reset
  spoor capture /dev/ttyUSB0 --memory -o dead.core     not the rings: the memory, for 'spoor post dead.core'
The result is a capture or, of a memory image, an image of the trace region: spoor convert, info, dump, check read both.
"""

PROMPT_SECONDS = 20.0
SILENCE_SECONDS = 10.0
POKES = 3  # a prompt that the line has damaged looks like silence: an empty line brings another
PROMPT = re.compile(rb"(?:^|\n)kdebug> $")

# struct trace_region of trace/ring/layout.h: magic, version, lanes, cores, bytes of a sub-buffer, bytes of the
# region; further on, when it booted.
REGION_MAGIC = struct.pack("<Q", 0x6E6F69676552)
REGION_HEAD = struct.Struct("<QIIIIQ")
REGION_UNIX_NS = 80
REGION_VERSION = 3


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "capture", "get the rings of a stopped kernel into a file",
                         "Make a capture of the trace rings: over a serial line from kdebug, out of a\n"
                         "serial log, or out of a memory image.", EXAMPLES)
    parser.add_argument("source", type=Path, help="unix socket, terminal device, serial log or memory image")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="file to write")
    parser.add_argument("--newest", type=int, metavar="N",
                        help="live lines: only the newest N sub-buffers of each lane")
    parser.add_argument("--memory", nargs="?", const="needed", choices=("needed", "all"),
                        help="live lines: the memory that kdebug needs (or all in use) as a core file")
    parser.add_argument("--previous", action="store_true",
                        help="what the boot before recorded, after a reset that left the memory alone")
    parser.add_argument("--stay", action="store_true", help="live lines: leave the machine at the prompt afterwards")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.memory:
        return _capture_memory(args)
    is_whole = obtain(args.source, args.output, args.newest, args.stay, Progress(), args.previous)
    return _report(args.output) or int(not is_whole)


def _capture_memory(args: argparse.Namespace) -> int:
    if not (args.source.is_socket() or args.source.is_char_device()):
        raise UserError(f"{args.source}: memory comes over a line to a machine that can be broken into")
    with Prompt(open_line(args.source), args.stay, Progress()) as prompt:
        dump = memory_dump.fetch(prompt.ask, args.memory == "all")
    dump.write(args.output)
    print(f"{describe_file(args.output)}: {len(dump.pages)} pages"
          + (f", {dump.damaged} damaged lines came again" if dump.damaged else ""))
    return 0


def obtain(source: Path, target: Path, newest: int | None, stay: bool, progress: Progress,
           previous: bool = False) -> bool:
    """Get the rings out of whatever it is; False if a dump was damaged on its way. UserError: there are none."""
    if source.is_socket() or source.is_char_device():
        command = "trace previous dump" if previous else "trace dump"
        command += f" {newest}" if newest else ""
        with Prompt(open_line(source), stay, progress) as prompt:
            dump = armour.fetch(prompt.ask, command)
        return _write(dump, target)
    if not source.is_file():
        raise UserError(f"{source} does not exist")
    if extract_region(source, target, previous):
        print(f"{describe_file(target)}: image of the trace region")
        return True
    if previous:
        raise UserError(f"{source} is no memory image with the traces of two boots")
    return write_dump(source.read_text(errors="replace"), str(source), target)


def write_dump(text: str, source: str, target: Path) -> bool:
    """Decode the last dump in a text and write it; False if it is damaged."""
    dumps = armour.find_dumps(text)
    if not dumps:
        raise UserError(f"{source} holds neither the output of kdebug's 'trace dump' nor a trace region")
    return _write(dumps[-1], target, f", the last of {len(dumps)} dumps" if len(dumps) > 1 else "")


def _write(dump: armour.Dump, target: Path, remark: str = "") -> bool:
    target.write_bytes(dump.data)
    print(describe_file(target) + remark)
    if dump.trouble:
        print(f"spoor: the dump is damaged: {dump.trouble}. Intact blocks can be read all the same.", file=sys.stderr)
    return not dump.trouble


def _report(target: Path) -> int:
    good, text = tracetool.check(target)
    print(text)
    return 0 if good else 1


class Prompt:
    """kdebug's prompt on a line: broken into at the start, left to go on at the end (unless told to stay)."""

    def __init__(self, line: SocketLine | TtyLine, stay: bool, progress: Progress) -> None:
        self._line = line
        self._stay = stay
        self._progress = progress
        self._reader = _LineReader(line)

    def __enter__(self) -> Prompt:
        self._progress.say("breaking in ...")
        self._line.send_break()
        self._reader.until(PROMPT, PROMPT_SECONDS, "kdebug's prompt; is this the right line, and is Spoor running?")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if not self._stay and kind is None:
            self._line.send(b"continue\r")
            self._reader.until(re.compile(rb"continue\s"), PROMPT_SECONDS, "an answer to 'continue'")

    def ask(self, command: str) -> str:
        """Run a command; returns what it printed."""
        self._progress.say(f"kdebug> {command}")
        self._line.send(command.encode() + b"\r")
        output = ""
        pokes = 0
        while "kdebug> " not in output:
            try:
                piece = self._reader.until(PROMPT, SILENCE_SECONDS, "the end of it", self._progress)
            except UserError:
                if pokes == POKES:
                    raise
                pokes += 1
                self._line.send(b"\r")
                continue
            output = LATE.sub("", output + piece.decode("ascii", "replace"))
        return output


class _LineReader:
    """Reads a line until something appears; gives up after a time of silence, not of talk."""

    def __init__(self, line: SocketLine | TtyLine) -> None:
        self._line = line
        self._data = bytearray()

    def until(self, pattern: re.Pattern[bytes], silence: float, what: str, progress: Progress | None = None) -> bytes:
        said = time.monotonic()
        while not (match := pattern.search(self._data, max(0, len(self._data) - 4096))):
            ready, _, _ = select.select([self._line], [], [], silence)
            piece = self._line.receive() if ready else b""
            if not piece:
                raise UserError(f"waited in vain for {what}")
            self._data += piece.replace(b"\r", b"")
            if progress and time.monotonic() - said > 1:
                said = time.monotonic()
                progress.say(f"  {size_text(len(self._data))} ...")
        taken = bytes(self._data[:match.end()])
        del self._data[:match.end()]
        return taken


def extract_region(image: Path, target: Path, previous: bool = False) -> bool:
    """Copy the trace region of the latest boot, or of the one before, out of a memory image; False: it is not there."""
    if image.stat().st_size < REGION_HEAD.size:
        return False
    with image.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        regions = sorted(_find_regions(memory), reverse=True)
        if len(regions) <= previous:
            return False
        _, at, count = regions[previous]
        target.write_bytes(memory[at:at + count])
    return True


def _find_regions(memory: mmap.mmap) -> Iterator[tuple[int, int, int]]:
    """(when it booted, where, bytes) of each."""
    at = memory.find(REGION_MAGIC)
    while at >= 0:
        if at % 8 == 0 and at + REGION_UNIX_NS + 8 <= len(memory):
            _, version, lanes, _, _, count = REGION_HEAD.unpack_from(memory, at)
            if version == REGION_VERSION and 0 < lanes < 128 and at + count <= len(memory):
                yield struct.unpack_from("<Q", memory, at + REGION_UNIX_NS)[0], at, count
        at = memory.find(REGION_MAGIC, at + 1)
