# SPDX-License-Identifier: MIT
"""What it costs to look through a million events at kdebug's prompt, and that it leaves the rings as they are."""

from __future__ import annotations

import hashlib
import re

from qemu.config import MachineConfig
from qemu.machine import Machine
from qemu.snapshot import machine_from_firmware
from spoorlib.console import Progress, UserError
from spoorlib.workload import wait_workload

from debugger import PANIC_PORT, SECONDS, instructions, wait_status
from figures import Figure
from guest import BENCH_SECONDS, SHIFT

CALLS = 14000  # of each client: 75 events each
MILLION = 1_000_000
# Nobody has this number, so no call can end the search early; and the rows of one that is not there are none.
VIEWS = {"kdebug.trace_view_1M": "trace last 20 where event is ipc and thread == 999999",
         "kdebug.trace_view_recent": "trace last 20 where event is ipc and thread != 999999"}


def hash_rings(machine: Machine, region: tuple[int, int]) -> str:
    return hashlib.sha256(machine.read_virtual(*region)).hexdigest()


def count_view(machine: Machine, line: str, region: tuple[int, int]) -> int:
    """Instructions of a line of the prompt, between two writes to a port that holds the machine."""
    hold = f"out {PANIC_PORT:#x} 1 /b"
    machine.send(f"{hold}; {line}; {hold}\r".encode())
    wait_status(machine, "guest-panicked")
    rings, before = hash_rings(machine, region), instructions(machine)
    machine.qmp("cont")
    wait_status(machine, "guest-panicked")
    count = instructions(machine) - before
    if hash_rings(machine, region) != rings:
        raise UserError(f"'{line}' has changed the rings")
    machine.qmp("cont")
    machine.wait_prompt(SECONDS)
    return count


def measure_trace_view(mode: str, progress: Progress) -> dict[str, Figure]:
    """One core, whose ring has them all: the longest way, as every event is looked at; and what has just happened."""
    progress.say("counting instructions of kdebug's view of a million events ...")
    config = MachineConfig(name="bench-view", cpus=1, mode=mode, icount=SHIFT,
                           cmdline=f"workload=ipcload:calls={CALLS} trace=all tracer=0",
                           extra=("-device", "pvpanic", "-action", "panic=pause"))
    with machine_from_firmware(config) as machine:
        wait_workload(machine, BENCH_SECONDS, progress)
        status = machine.break_in().command("trace status")
        place = re.search(r"region (0x[0-9a-f]+), (\d+) KiB", status)
        events = sum(int(count) for count in re.findall(r"^ +\d+ +normal +\d+ +\d+ +\d+ +(\d+)", status, re.MULTILINE))
        if place is None or events < MILLION:
            raise UserError(f"{events} events are no million:\n{status}")
        region = (int(place[1], 16), int(place[2]) * 1024)
        counts = {key: count_view(machine, line, region) for key, line in VIEWS.items()}
    return {key: Figure(count, count) for key, count in counts.items()}
