# SPDX-License-Identifier: MIT
"""Workloads that make realistic traces: they check themselves; here, that what they did is to be seen."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from conftest import BootFunction, wait_all_done

from qemu.paths import ROOT
from spoorlib import tracetool
from spoorlib.workload import wait_capture

sys.path.insert(0, str(ROOT / "tests" / "host"))
from perfetto_check import check_file  # noqa: E402


def run(boot: BootFunction, folder: Path, cmdline: str, **options: Any) -> tuple[Any, str]:
    """What its timeline holds, and the line that it has said."""
    machine = boot(cpus=4, capture=folder / "x.spoor", cmdline=f"workload={cmdline}", **options)
    assert wait_all_done(machine, 180) == (1, 0), machine.serial.text[-3000:]
    wait_capture(machine)
    tracetool.output("convert", "--quiet", str(folder / "x.spoor"), str(folder / "x.pftrace"))
    report = check_file(folder / "x.pftrace", keep=True)
    assert report.ok and not report.has_loss, report.summary()
    return report, machine.serial.text


def count_slices(report: Any) -> Counter[str]:
    return Counter(item.name for item in report.slices)


def test_requests_go_through_a_pipeline(boot: BootFunction, tmp_path: Path) -> None:
    """Each command is a call that the parser serves, which calls the store, which writes the journal; flows between."""
    report, said = run(boot, tmp_path, "pipeline:commands=100 trace=ipc,user,sched")
    entries = int(re.findall(r"^pipeline: (\d+) entries$", said, re.MULTILINE)[0])
    slices = count_slices(report)
    for side in ("call", "serve"):
        # Every fiftieth command is also given in a form that is refused.
        assert slices[f"{side} parser.command"] == 3 * 102
        assert slices[f"{side} store.put"] == slices[f"{side} journal.append"] == entries
        assert slices[f"{side} store.get"] == 300 - entries
    assert slices["command"] == 300 and report.counts["flows_whole"] >= 3 * 102 + 300
    # A call to the store lies within what its parser serves at that moment.
    serving = [item for item in report.slices if item.name == "serve parser.command"]
    for call in (item for item in report.slices if item.name in ("call store.put", "call store.get")):
        assert any(outer.track == call.track and outer.begin <= call.begin and call.end <= outer.end
                   for outer in serving)


def test_a_build_starts_what_it_needs_in_order(boot: BootFunction, tmp_path: Path) -> None:
    """A process for each unit, no more at once than jobs; a unit is read after those that it needs are written."""
    report, said = run(boot, tmp_path, "builder:units=20:jobs=3 trace=ipc,user,sched,life")
    [line] = re.findall(r"^make: (\d+) compiled, then (\d+); (\d+) at once$", said, re.MULTILINE)
    first, again, most = map(int, line)
    assert first == 20 and 1 <= again < 20 and 2 <= most <= 3
    slices = count_slices(report)
    assert slices["translate"] == slices["write"] == slices["read"] == first + again
    assert sum(name.startswith("compile ") for name in report.processes.values()) == first + again
    counter = next(uuid for uuid, track in report.tracks.items() if track.name == "compilers")
    running = [value for _, value in report.counters[counter]]
    assert max(running) == most and running[-1] == 0
    assert slices["serve ramfs.open"] == slices["call ramfs.open"] >= 3 * first


def test_a_database_lives_with_its_pages_elsewhere(boot: BootFunction, tmp_path: Path) -> None:
    """Threads on all cores use trees that do not fit in memory; checksums hold, and pages went out and came back."""
    report, said = run(boot, tmp_path, "database:mib=12:leave=6:operations=200 pager=8192 trace=user,sched,mm",
                       memory="256M")
    slices = count_slices(report)
    assert sum(slices[name] for name in ("get", "put", "scan")) == 4 * 200
    assert slices["load"] == slices["check"] == 1
    assert re.search(r"^database: \d+ entries, [1-9]\d* written again$", said, re.MULTILINE)
    pages = Counter(item.name for item in report.instants)
    assert pages["mm.page.out"] > 100 and pages["mm.page.in"] > 100, pages
