# SPDX-License-Identifier: MIT
"""What the guest measures: the figures of kernel and bench program under -icount, and the size of a real capture."""

from __future__ import annotations

import json
from pathlib import Path

from qemu import paths
from qemu.config import MachineConfig
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
SWITCH_EVENT = 8  # sched.thread.switch in trace/events/events.toml


def measure_kernel(mode: str, progress: Progress) -> dict[str, Figure]:
    """One core for everything; what only two or four cores can do on those."""
    figures: dict[str, Figure] = {}
    for cpus in (1, 2, 4):
        progress.say(f"counting instructions on {cpus} core{'s' if cpus > 1 else ''} (-icount shift={SHIFT}) ...")
        config = MachineConfig(name=f"bench-{cpus}", cpus=cpus, mode=mode, icount=SHIFT,
                               cmdline="workload=bench bench=1 trace=none tracer=0")
        with machine_from_firmware(config) as machine:
            wait_workload(machine, BENCH_SECONDS, progress)
            found = parse_lines(machine.serial.text, SHIFT)
        figures = found | figures  # what one core has measured stays
    return figures | measure_interrupts(mode, progress)


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
    return {"trace.bytes_per_event": Figure(per_event, per_event, "bytes"),
            "trace.event.thread_switch.bytes": switch_bytes(capture)}


def switch_bytes(capture: Path) -> Figure:
    """Size of a thread switch's record in a capture: header and payload."""
    sizes = [count for block in read_blocks(capture.read_bytes()) if block.type == TYPE_SUBBUF
             for event, count in read_records(block) if event == SWITCH_EVENT]
    if not sizes:
        raise UserError(f"no thread switch in {paths.show(capture)}")
    return Figure(min(sizes), sorted(sizes)[len(sizes) // 2], "bytes")
