#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
How fast spoor-trace reads events beside the readers people have: babeltrace2 and trace-cmd, where they are installed.

Events per second of CPU time, all in one run, so that the ratios hold on any host. The captures are not the same bytes,
since each tool has a format of its own, but the same sort of event: context switches. trace-cmd reads a file of yours
(--trace-dat), since only a Linux kernel can write one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from qemu import paths  # noqa: E402
from spoorlib.console import UserError  # noqa: E402

import ctf  # noqa: E402
from host import count_events, synthesise  # noqa: E402


@dataclass(frozen=True)
class Reading:
    """One tool that read a trace."""

    tool: str
    job: str
    events: int
    seconds: float  # of CPU time, user and system

    @property
    def rate(self) -> float:
        """Million events per second."""
        return self.events / self.seconds / 1e6


def cpu_seconds(command: list[str]) -> float:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise UserError(f"'{' '.join(command)}' failed with {process.returncode}")
    return max(float(usage.ru_utime + usage.ru_stime), 1e-6)


def read_own(folder: Path, events: int) -> list[Reading]:
    capture = synthesise(folder, "sched", events)
    count = count_events(capture)
    tool = str(paths.trace_tool())
    jobs = {"to Perfetto": ["convert", "--quiet", str(capture), str(folder / "peers.pftrace")],
            "to text": ["dump", str(capture)], "checked": ["check", "--quiet", str(capture)]}
    return [Reading("spoor-trace", job, count, cpu_seconds([tool, *arguments])) for job, arguments in jobs.items()]


def read_ctf(folder: Path, events: int) -> list[Reading]:
    ctf.write(folder / "ctf", events)
    command = ["babeltrace2", str(folder / "ctf")]
    counter = [*command, "--component=sink.utils.counter", "-p", "step=+0"]
    said = subprocess.run(counter, capture_output=True, text=True, check=True).stdout
    if not re.search(rf"^ *{events} Event messages$", said, re.MULTILINE):
        raise UserError(f"babeltrace2 did not read {events} events of {folder / 'ctf'}:\n{said}")
    return [Reading("babeltrace2", "to text", events, cpu_seconds(command)),
            Reading("babeltrace2", "counted", events, cpu_seconds(counter))]


def read_dat(file: Path) -> list[Reading]:
    command = ["trace-cmd", "report", "-i", str(file)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [Reading("trace-cmd", "to text", sum("]" in line for line in lines), cpu_seconds(command))]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().split("\n\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000, help="in traces made for this (default: %(default)s)")
    parser.add_argument("--trace-dat", type=Path, help="a file of trace-cmd's for it to read")
    options = parser.parse_args()
    folder = paths.build_folder() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        readings = read_own(folder, options.events)
        if shutil.which("babeltrace2"):
            readings += read_ctf(folder, options.events)
        else:
            print("babeltrace2 is not installed: it is left out", file=sys.stderr)
        if options.trace_dat and shutil.which("trace-cmd"):
            readings += read_dat(options.trace_dat)
        else:
            print("trace-cmd is left out: it must be installed, and needs TRACE_DAT=FILE", file=sys.stderr)
    except (UserError, OSError, subprocess.CalledProcessError) as error:
        print(f"bench-peers: {error}", file=sys.stderr)
        return 1
    own = {reading.job: reading.rate for reading in readings if reading.tool == "spoor-trace"}
    print(f"{'tool':<12} {'job':<12} {'events':>9} {'10^6/s':>8} {'of ours to text':>16}")
    for reading in readings:
        print(f"{reading.tool:<12} {reading.job:<12} {reading.events:>9} {reading.rate:>8.2f} "
              f"{reading.rate / own['to text']:>16.2f}")
    target = paths.build_folder() / "bench-peers.json"
    target.write_text(json.dumps([vars(reading) | {"rate": reading.rate} for reading in readings], indent=1) + "\n")
    print(f"\n{paths.show(target)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
