# SPDX-License-Identifier: MIT
"""
Times of different cores in one trace: clocks that do not agree are set right, or it is said that they are not.

TCG has one TSC for all cores and lets nobody write it, so a debug kernel adds a bias to what it reads (tsc_bias,
tsc_start).

How exactly a clock can be known is up to the host: where it runs two virtual cores by turns, a round trip between them
takes milliseconds. The kernel tells how far off a clock may be; a boot in which that was too much is tried again.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from conftest import TRACE_ENDED, BootFunction, wait_all_done

from qemu.machine import Machine
from qemu.paths import trace_tool

CALLS = 120
# Ticks from the start of the clocks to the end of a counter: the capture should begin before and end behind it. The
# first is right for a host with time to spare; where others make the guest wait, it takes longer to begin.
AHEAD = (400_000_000, 2_000_000_000, 10_000_000_000, 50_000_000_000)
BIAS = (0, 1_000_000, -1_000_000, 77_777)
ATTEMPTS = 8
EXACT = 20_000  # ticks


def run(boot: BootFunction, capture: Path, options: str, calls: int = CALLS) -> Machine:
    machine = boot(cpus=4, cmdline=f"workload=ipcload:calls={calls} {options}", capture=capture)
    assert wait_all_done(machine, 120) == (1, 0)
    assert machine.expect(TRACE_ENDED + ".*$", 60).group(0) == "init: trace complete"
    return machine


def clocks(machine: Machine) -> list[list[str]]:
    with machine.at_prompt() as kdebug:
        return [line.split() for line in kdebug.command("clocks").splitlines()[2:]]


def is_exact(machine: Machine) -> bool:
    """
    Whether the clocks were known well enough when they were looked at and when they had been set right, and nothing of
    what was left over then shows now.
    """
    within = {int(cpu): int(ticks) for cpu, ticks in
              re.findall(r"clock: that of cpu (\d+) was moved .*now right within (\d+)", machine.serial.text)}
    agree = True
    widths = list(within.values())
    for row in clocks(machine):
        cpu, least, most, _, now_least, now_most = map(int, row[:6])
        widths.append(most - least)
        difference = max(now_least, -now_most)
        assert difference <= within.get(cpu, most - least), f"{row}, said: {within}"
        agree &= difference <= 0
    return agree and max(widths) <= EXACT


def run_exact(boot: BootFunction, capture: Path, options: str, calls: int = CALLS) -> Machine:
    for _ in range(ATTEMPTS):
        machine = run(boot, capture, options, calls)
        if is_exact(machine):
            return machine
        machine.stop()
    raise AssertionError(f"in {ATTEMPTS} boots the clocks were never known within {EXACT} ticks")


def findings(capture: Path) -> dict[str, int]:
    done = subprocess.run([str(trace_tool()), "check", "--json", str(capture)], capture_output=True, text=True)
    return {rule["rule"]: rule["count"] for rule in json.loads(done.stdout)["rules"]}


def moved(machine: Machine) -> dict[int, int]:
    """Ticks by which the clock of each core was moved; at the prompt the same as in the log."""
    logged = {int(cpu): int(ticks) for cpu, ticks in
              re.findall(r"clock: that of cpu (\d+) was moved by (-?\d+) ticks", machine.serial.text)}
    rows = clocks(machine)
    assert all(row[-2:] == ["may", "agree"] for row in rows), rows
    assert {int(row[0]): int(row[3]) for row in rows if row[3] != "0"} == logged
    return logged


def test_clocks_that_differ_are_set_right(boot: BootFunction, tmp_path: Path) -> None:
    """Half a millisecond would turn the order of calls, replies and wake-ups round in thousands of places."""
    capture = tmp_path / "moved.spoor"
    machine = run_exact(boot, capture, f"tsc_bias={','.join(map(str, BIAS))}")
    assert findings(capture) == {}
    ticks = moved(machine)
    assert sorted(ticks) == [1, 2, 3]
    assert all(abs(ticks[cpu] + BIAS[cpu]) < 50_000 for cpu in ticks), ticks


def test_clocks_that_cannot_be_set_right_are_reported(boot: BootFunction, tmp_path: Path) -> None:
    capture = tmp_path / "fixed.spoor"
    for _ in range(ATTEMPTS):
        machine = run(boot, capture, "tsc_bias=0,0,-1000000,fixed")
        verdicts = [row[0] for row in clocks(machine) if row[-3:] == ["DO", "NOT", "AGREE"]]
        found = findings(capture)
        # Known at the start, when the capture began, when it ended, and now.
        if " behind that of cpu 0 and cannot" in machine.serial.text and found.get("clock", 0) >= 2 and verdicts:
            break
        machine.stop()
    assert re.search(r"clock: that of cpu 2 is (\d+) ticks or more behind that of cpu 0 and cannot be set right",
                     machine.serial.text)
    assert verdicts == ["2"] and found["clock"] >= 2
    assert found.get("ipc", 0) + found.get("switch", 0) > 0  # the checker sees what it is about


def begin_and_end(capture: Path) -> tuple[int, float]:
    """Of a capture, in ticks."""
    info = json.loads(subprocess.run([str(trace_tool()), "info", "--json", str(capture)], capture_output=True).stdout)
    dump = subprocess.run([str(trace_tool()), "dump", str(capture)], capture_output=True, text=True).stdout
    first = re.search(r"trace\.clock.*tsc=0x([0-9a-f]+)", dump)
    assert first is not None and info["duration_s"] < 120
    begin = int(first[1], 16)
    return begin, begin + info["duration_s"] * info["tsc_khz"] * 1000


@pytest.mark.parametrize("bits", [42, 53])
def test_times_are_right_over_the_end_of_a_counter(boot: BootFunction, tmp_path: Path, bits: int) -> None:
    """42 bits of the TSC are in each record; 53 are all that a floating-point number holds."""
    for ahead in AHEAD:
        capture = tmp_path / f"{ahead}.spoor"
        calls = CALLS * ahead // AHEAD[0]
        run_exact(boot, capture, f"tsc_start={2**bits - ahead} tsc_bias=0,300000,-300000", calls).stop()
        assert findings(capture) == {}
        begin, end = begin_and_end(capture)
        if begin < 2**bits < end:
            return
    raise AssertionError("no capture goes over the end of the counter")
