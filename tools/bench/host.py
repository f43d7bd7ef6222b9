# SPDX-License-Identifier: MIT
"""What the converter costs, in instructions per event, counted by callgrind on synthetic captures."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from qemu import paths
from spoorlib import tracetool
from spoorlib.console import Progress, UserError

from figures import Figure

# Two sizes: the difference leaves out what a run costs before its first event.
SMALL_EVENTS, LARGE_EVENTS = 20_000, 60_000
RATE_EVENTS = 78_000_000  # 1 GiB
COLLECTED = re.compile(r"Collected : (\d+)")


def measure_converter(progress: Progress) -> dict[str, Figure]:
    if shutil.which("valgrind") is None:
        raise UserError("valgrind is not installed: run 'make deps'")
    folder = paths.build_folder() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    figures = {}
    for kind in ("sched", "mixed"):
        progress.say(f"counting instructions of spoor-trace on {kind} events ...")
        captures = [synthesise(folder, kind, events) for events in (SMALL_EVENTS, LARGE_EVENTS)]
        output = [folder / "out.pftrace"]
        figures[f"convert.instr_per_event.{kind}"] = per_event(captures, ["convert", "--quiet"], output)
        figures |= measure_size(captures[1], folder, "" if kind == "sched" else f".{kind}")
        if kind == "mixed":
            figures["convert.check_instr_per_event"] = per_event(captures, ["check", "--quiet"], [])
    figures |= measure_rate(folder, progress)
    return figures


def synthesise(folder: Path, kind: str, events: int) -> Path:
    target = folder / f"synth-{kind}-{events}.spoor"
    tool = paths.trace_tool().with_name("spoor-synth")
    subprocess.run([str(tool), "--kind", kind, "--events", str(events), str(target)], check=True, capture_output=True)
    return target


def per_event(captures: list[Path], command: list[str], output: list[Path]) -> Figure:
    """Instructions per additional event between a small and a large capture."""
    counts = [count_instructions([*command, str(capture), *map(str, output)]) for capture in captures]
    events = [count_events(capture) for capture in captures]
    value = round((counts[1] - counts[0]) / (events[1] - events[0]), 1)
    return Figure(value, value)


def count_instructions(arguments: list[str]) -> int:
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(paths.trace_tool()),
                           *arguments], capture_output=True, text=True)
    match = COLLECTED.search(done.stderr)
    if done.returncode or not match:
        raise UserError(f"callgrind on spoor-trace {' '.join(arguments)} failed:\n{done.stderr}")
    return int(match.group(1))


def count_events(capture: Path) -> int:
    return int(json.loads(tracetool.output("info", "--json", str(capture)))["events"]["total"])


def measure_size(capture: Path, folder: Path, kind: str) -> dict[str, Figure]:
    """Bytes of the Perfetto file per event, plain and compressed."""
    figures = {}
    variants: dict[str, list[str]] = {f"convert.bytes_per_event{kind}": [],
                                      f"convert.bytes_per_event{kind}.deflated": ["--compress"]}
    for key, options in variants.items():
        target = folder / "size.pftrace"
        tracetool.output("convert", "--quiet", *options, str(capture), str(target))
        value = round(target.stat().st_size / count_events(capture), 2)
        figures[key] = Figure(value, value, "bytes")
    return figures


def measure_rate(folder: Path, progress: Progress) -> dict[str, Figure]:
    """Events per second of CPU time, reported only since hosts differ, and peak memory, on an input of 1 GiB."""
    progress.say(f"converting {RATE_EVENTS} events ...")
    capture = synthesise(folder, "sched", RATE_EVENTS)
    target = folder / "rate.pftrace"
    # What the system counts for a child of ours has our own peak in it: until its program begins it is us.
    command = ["time", "--format", "%U %S %e %M",
               str(paths.trace_tool()), "convert", "--quiet", str(capture), str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"{' '.join(command)} failed:\n{done.stderr}")
    user, system, wall, peak = map(float, done.stderr.split())
    rate = round(count_events(capture) / (user + system) / 1e6, 2)
    capture.unlink()
    target.unlink()
    return {"convert.events_per_cpu_second": Figure(rate, rate, "million events/s (host)"),
            "convert.rss_MiB": Figure(round(peak / 1024, 1), round(peak / 1024, 1), "MiB"),
            "convert.wall_seconds": Figure(wall, wall, "s (host)")}
