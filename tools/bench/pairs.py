# SPDX-License-Identifier: MIT
"""What instruction counts of a call do not tell: waits for locks, and the instructions that are dearer than one."""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from qemu import paths
from qemu.config import MachineConfig
from qemu.machine import Machine
from qemu.snapshot import machine_from_firmware
from spoorlib.console import Progress, UserError
from spoorlib.contention import TRACE, counted_calls, lock_waits
from spoorlib.workload import wait_capture, wait_workload

from figures import Figure

CORES = 8
CALLS = 40000  # of the fastest client
SECONDS = 600.0

LOG_BYTES = 8 << 20  # about 150 calls
LOG_SECONDS = 120.0
CALLS_LOGGED_MIN = 20
EXECUTED = re.compile(r"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/", re.MULTILINE)
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(.+)$", re.MULTILINE)

# Of an instruction in objdump's words. XCHG with memory is locked without a prefix.
HIDDEN = {
    "cr3_loads": re.compile(r"mov\s+%\w+,%cr3"),
    "wrmsr": re.compile(r"wrmsr"),
    "locked": re.compile(r"lock |xchg\w*\s.*\("),
    "xsave": re.compile(r"xsave|xrstor|fxsave|fxrstor"),
}


def measure_contention(mode: str, progress: Progress) -> dict[str, Figure]:
    """Not under -icount: there cores take turns. Here they are host threads, and do wait for each other."""
    progress.say(f"calling in {CORES} independent pairs on {CORES} cores ...")
    capture = paths.build_folder() / "bench" / "pairs.spoor"
    config = MachineConfig(name="bench-pairs", cpus=CORES, mode=mode, capture=capture,
                           cmdline=f"workload=pairs:calls={CALLS} trace={TRACE}")
    with machine_from_firmware(config) as machine:
        wait_workload(machine, SECONDS, progress)
        wait_capture(machine)
        calls = counted_calls(machine.serial.text)
    waits = lock_waits(capture)
    for line in waits:
        progress.say(line)
    figure = round(len(waits) * 1e6 / calls, 2)
    return {"ipc.contended": Figure(figure, figure, "waits per 10^6 calls")}


def measure_hidden(mode: str, progress: Progress) -> dict[str, Figure]:
    """Log every instruction of one pair on one core for a while, and look at each call and reply in the log."""
    progress.say("logging the instructions of a call ...")
    log = paths.build_folder() / "bench" / "executed.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    config = MachineConfig(name="bench-hidden", cpus=1, mode=mode, extra=("-D", str(log)),
                           cmdline="workload=pairs:calls=100000000 trace=none tracer=0")
    with machine_from_firmware(config) as machine:
        machine.expect(r"^pairs: 1 pairs call", SECONDS)
        log_instructions(machine, log)
    build = paths.build_folder() / mode
    listing = disassemble(build / "kernel.elf") | disassemble(build / "user" / "pairs")
    counts = [Counter(kinds_of(listing, call)) for call in round_trips(listing, log.read_text())]
    if len(counts) < CALLS_LOGGED_MIN:
        raise UserError(f"only {len(counts)} whole calls in {paths.show(log)}")
    log.unlink()
    return {f"ipc.call_reply.0w.hidden.{kind}": figure_of([count[kind] for count in counts]) for kind in HIDDEN}


def log_instructions(machine: Machine, log: Path) -> None:
    """With one instruction for each block of translated code, the log of executed blocks is one of instructions."""
    machine.qmp("stop")
    machine.monitor("singlestep on")
    machine.monitor("log exec,nochain")
    machine.qmp("cont")
    limit = time.monotonic() + LOG_SECONDS
    while not log.exists() or log.stat().st_size < LOG_BYTES:
        if time.monotonic() > limit:
            raise UserError("QEMU logs no executed instructions")
        time.sleep(0.01)
    machine.qmp("stop")
    machine.monitor("log none")


def disassemble(program: Path) -> dict[int, str]:
    command = ["objdump", "-d", "--no-show-raw-insn", "-w", str(program)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {int(match[1], 16): match[2] for match in INSTRUCTION.finditer(text)}


def round_trips(listing: dict[int, str], log: str) -> Iterator[list[int]]:
    """The instructions from each system call to the next of the same program, where all of them are known."""
    executed = [int(match[1], 16) for match in EXECUTED.finditer(log)]
    calls = [i for i, address in enumerate(executed) if listing.get(address, "").startswith("syscall")]
    # Client and server take turns: every second system call is of the same one.
    for begin, end in zip(calls, calls[2:], strict=False):
        call = executed[begin:end]
        if executed[begin] == executed[end] and all(address in listing for address in call):
            yield call


def kinds_of(listing: dict[int, str], call: list[int]) -> Iterator[str]:
    for address in call:
        yield from (kind for kind, pattern in HIDDEN.items() if pattern.match(listing[address]))


def figure_of(counts: list[int]) -> Figure:
    return Figure(min(counts), median(counts), "per call and reply")
