# SPDX-License-Identifier: MIT
"""What the guest measures: the figures of kernel and bench program under -icount, and the size of a real capture."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import median

from qemu import paths
from qemu.config import DISKS, MachineConfig
from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine
from qemu.snapshot import machine_from_firmware
from spoorlib import tracetool
from spoorlib.capture_format import TYPE_SUBBUF, read_blocks, read_records
from spoorlib.console import Progress, UserError
from spoorlib.workload import wait_capture, wait_workload

from figures import Figure, parse_lines

# The firmware waits in virtual time: with shift 0 it needs minutes, with 4 seconds. The figures are exact all the same.
SHIFT = 4
BENCH_SECONDS = 600.0
DEMO_SECONDS = 240.0
FAULT_CORES = 4
FAULT_ROUNDS = 7
FAULT_PAGES = 36792  # 72 areas of 511 for each core: 147,168 faults in a round, a million in all
UNITS = {"fault.contended": "lock waits per 10^6 faults", "fault.contended.frames": "lock waits per 10^6 faults",
         "fault.frames.trips": "locks per 10^6 faults"}
DISK_KIB, DISK_ROUNDS = 4096, 4
EXPORT_CALLS = 2000  # of each client: some MiB of capture
# Ids in trace/events/events.toml of the events whose size has a goal; of the ipc events the longest counts.
SIZED_EVENTS = {"thread_switch": (8,), "irq": (16, 17), "page_fault": (32, 33), "ipc": (40, 41, 42, 43)}


def measure_kernel(mode: str, progress: Progress) -> dict[str, Figure]:
    """One core for everything; what only two or four cores can do on those."""
    figures: dict[str, Figure] = {}
    for cpus in (1, 2, 4):
        progress.say(f"counting instructions on {cpus} core{'s' if cpus > 1 else ''} (-icount shift={SHIFT}) ...")
        config = MachineConfig(name=f"bench-{cpus}", cpus=cpus, mode=mode, icount=SHIFT,
                               cmdline="workload=bench bench=1 trace=none tracer=0 trace_size=8M")
        with machine_from_firmware(config) as machine:
            wait_workload(machine, BENCH_SECONDS, progress)
            found = parse_lines(machine.serial.text, SHIFT)
        figures = found | figures  # what one core has measured stays
    return figures | measure_interrupts(mode, progress) | measure_contention(mode, progress)


def lock_waits(kdebug: KdebugPrompt) -> dict[str, int]:
    """How often cores had to wait, since boot, for the locks that a fault can take, by rank."""
    def waits_of(cpu: int, rank: str) -> int:
        return int(kdebug.command(f"print lock_waits[{cpu}].of_rank[LOCK_RANK_{rank}]").split()[-1], 0)

    return {rank: sum(waits_of(cpu, rank) for cpu in range(FAULT_CORES)) for rank in ("SPACE", "AREA", "FRAMES")}


def zone_trips(kdebug: KdebugPrompt) -> int:
    """How often cores have taken the lock of a zone of free frames, since boot."""
    return sum(int(kdebug.command(f"print frame_zones[{zone}].lock.acquired").split()[-1], 0) for zone in (0, 1))


def measure_contention(mode: str, progress: Progress) -> dict[str, Figure]:
    """
    Lock waits per million page faults of one process on four cores at the same time, each in its own areas.

    Those for the process's own locks; and apart from them those for the lists of free frames, which a core meets once
    in 256 to 512 faults: where the host takes a core away that has such a lock, the others wait for the host, if that
    lasts long enough. How often depends on the host; how often the lock is taken does not, and is counted too.
    """
    progress.say(f"counting lock waits of faults on {FAULT_CORES} cores ...")
    config = MachineConfig(name="bench-faults", cpus=FAULT_CORES, mode=mode, memory="1G",
                           cmdline=f"workload=faults:rounds={FAULT_ROUNDS}:pages={FAULT_PAGES} trace=none tracer=0")
    rounds: list[dict[str, float]] = []
    with machine_from_firmware(config) as machine:
        for _ in range(FAULT_ROUNDS):
            kdebug = machine.wait_prompt(BENCH_SECONDS)
            before = lock_waits(kdebug) | {"trips": zone_trips(kdebug)}
            kdebug.resume()
            kdebug = machine.wait_prompt(BENCH_SECONDS)
            after = lock_waits(kdebug) | {"trips": zone_trips(kdebug)}
            rounds.append({key: (count - before[key]) * 1e6 / (FAULT_PAGES * FAULT_CORES)
                           for key, count in after.items()})
            kdebug.resume()
        wait_workload(machine, BENCH_SECONDS, progress)
    values = {"fault.contended": [counts["SPACE"] + counts["AREA"] for counts in rounds],
              "fault.contended.frames": [counts["FRAMES"] for counts in rounds],
              "fault.frames.trips": [counts["trips"] for counts in rounds]}
    return {key: Figure(round(min(found)), round(median(found)), UNITS[key]) for key, found in values.items()}


def measure_interrupts(mode: str, progress: Progress) -> dict[str, Figure]:
    """A device of its own interrupts a driver: QEMU's "edu" in the slot where the program looks for its line."""
    config = MachineConfig(name="bench-irq", cpus=1, mode=mode, icount=SHIFT, extra=("-device", "edu,addr=0x10"),
                           cmdline="workload=irqload:bench=1 trace=none tracer=0")
    with machine_from_firmware(config) as machine:
        wait_workload(machine, BENCH_SECONDS, progress)
        return parse_lines(machine.serial.text, SHIFT)


def measure_capture(mode: str, progress: Progress) -> dict[str, Figure]:
    """Run the demo workload with every category on, and look at what was captured."""
    progress.say("capturing the demo workload on 4 cores ...")
    capture = paths.build_folder() / "bench" / "demo.spoor"
    config = MachineConfig(name="bench-capture", cpus=4, mode=mode, capture=capture, cmdline="workload=demo")
    with machine_from_firmware(config) as machine:
        wait_workload(machine, DEMO_SECONDS, progress)
        wait_capture(machine)
    info = json.loads(tracetool.output("info", "--json", str(capture)))
    lost = sum(sum(lane["lost"].values()) for lane in info["lanes"])
    if lost:
        raise UserError(f"the capture of the demo lost {lost} events: {paths.show(capture)}")
    per_event = round(info["events"]["bytes"] / info["events"]["total"], 2)
    return {"trace.bytes_per_event": Figure(per_event, per_event, "bytes")} | record_sizes(capture)


def measure_export(mode: str, progress: Progress) -> dict[str, Figure]:
    """All that the tracer's threads execute while they ship what a loaded core records, for each KiB of the capture."""
    progress.say("counting instructions of the tracer ...")
    capture = paths.build_folder() / "bench" / "export.spoor"
    config = MachineConfig(name="bench-export", cpus=1, mode=mode, icount=SHIFT, capture=capture,
                           cmdline=f"workload=ipcload:calls={EXPORT_CALLS} trace=all")
    with machine_from_firmware(config) as machine:
        wait_workload(machine, BENCH_SECONDS, progress)
        wait_capture(machine)
        ticks = tracer_ticks(machine)
    per_kib = round(ticks / (1 << SHIFT) / (capture.stat().st_size / 1024), 1)
    return {"trace.export_instr_per_KiB": Figure(per_kib, per_kib)}


def measure_disks(mode: str, progress: Progress) -> dict[str, Figure]:
    """All that the service `disk` executes for each KiB that it reads; its start does not count."""
    figures = {}
    for bus in DISKS:
        progress.say(f"counting instructions of the {bus} driver ...")
        few, many = (disk_instructions(mode, bus, rounds) for rounds in (1, 1 + DISK_ROUNDS))
        per_kib = round((many - few) / (DISK_ROUNDS * DISK_KIB), 1)
        figures[f"driver.{bus}_instr_per_KiB"] = Figure(per_kib, per_kib)
    return figures


def disk_instructions(mode: str, bus: str, rounds: int) -> int:
    """Of a machine whose disk is read so often. Idle time is real: the disk is as fast as the host's."""
    disk = paths.build_folder() / "bench" / "disk.img"
    disk.parent.mkdir(parents=True, exist_ok=True)
    with disk.open("wb") as file:
        file.truncate(DISK_KIB * 1024)
    config = MachineConfig(name="bench-disk", cpus=1, mode=mode, icount=SHIFT, icount_sleep=True,
                           disk=disk, disk_bus=bus, cmdline=f"workload=sectors:scan={rounds} trace=none tracer=0")
    with machine_from_firmware(config) as machine:
        wait_workload(machine, BENCH_SECONDS, Progress(quiet=True))
        return process_ticks(machine, "disk") >> SHIFT


def measure_consoles(mode: str, progress: Progress) -> dict[str, Figure]:
    """All that the machine executes for a line of 80 characters, on COM1 and on the screen."""
    progress.say("counting instructions of lines on both consoles ...")
    config = MachineConfig(name="bench-lines", cpus=1, mode=mode, icount=SHIFT,
                           cmdline="workload=lines trace=none tracer=0")
    with machine_from_firmware(config) as machine:
        wait_workload(machine, BENCH_SECONDS, progress)
        return parse_lines(machine.serial.text, SHIFT)


def tracer_ticks(machine: Machine) -> int:
    """When all of the tracer's threads wait again after the last block."""
    return process_ticks(machine, "tracer")


def process_ticks(machine: Machine, name: str) -> int:
    """TSC ticks that a process's threads have had, when all of them wait."""
    threads = f'threads | where .process->name == "{name}"'
    while True:
        with machine.at_prompt() as kdebug:
            if not re.search(r" (running|ready) ", kdebug.command(threads)):
                return sum(int(ticks, 0) for ticks in kdebug.command(f"{threads} | print .ticks").split())


def record_sizes(capture: Path) -> dict[str, Figure]:
    """Least and greatest size of a record of the longest event of each name: header and payload."""
    sizes: dict[int, list[int]] = {}
    for block in read_blocks(capture.read_bytes()):
        for event, count in read_records(block) if block.type == TYPE_SUBBUF else ():
            sizes.setdefault(event, []).append(count)
    figures = {}
    for name, events in SIZED_EVENTS.items():
        found = sorted(max((sizes.get(event, []) for event in events), key=lambda each: max(each, default=0)))
        if not found:
            raise UserError(f"no event of {name} in {paths.show(capture)}")
        figures[f"trace.event.{name}.bytes"] = Figure(found[0], found[-1], "bytes")
    return figures
