# SPDX-License-Identifier: MIT
"""Services under their supervisor: started again with back-off, given up, stopped in order, seen at the prompt."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TRACE_ENDED, BootFunction, wait_all_done

from qemu.machine import Machine
from qemu.paths import ROOT, trace_tool
from spoorlib import tracetool

sys.path.insert(0, str(ROOT / "tests" / "host"))
from perfetto_check import Report, check_file  # noqa: E402

SHUTDOWN = ["stubborn", "middle", "sample"]  # each needs the next; behind them only log and names


def lines_of(machine: Machine, start: str) -> list[str]:
    return [line for line in machine.serial.text.splitlines() if line.startswith(start)]


def check_lines(machine: Machine) -> None:
    """What the console says: what fails at once is given up, back-off doubles, the log shows what it should."""
    stillborn = lines_of(machine, "init: service stillborn: ")
    assert [line.split(": ", 2)[2] for line in stillborn] == [
        *(f"code=3, again in {2 << i} ms ({i + 1} of 4)" for i in range(4)), "code=3, given up after 5 starts"]
    for name in ("names", "log", "middle"):
        ends = lines_of(machine, f"init: service {name}: code=9, again in ")
        assert [line.split(" in ")[1] for line in ends] == [f"{20 << i} ms ({i + 1} of 5)" for i in range(4)], ends
    assert len(lines_of(machine, "init: service sample: exception=6, again in ")) == 1
    assert lines_of(machine, "middle: ") == ["middle: the sample still answers"]
    text = machine.serial.text
    assert re.search(r"^\[ +\d+\.\d{6} cpu[01] t\d+\] debug services: shown$", text, re.MULTILINE)
    assert re.search(r" error services: clean \?\[2J$", text, re.MULTILINE)
    assert "hidden" not in text and "no longer" not in text
    killed = "init: service stubborn: stopped, killed because it did not in time"
    assert lines_of(machine, "init: service stubborn: ") == [killed, killed]


def times_of(report: Report, what: str) -> list[int]:
    return [item.time for item in report.instants if item.name == what]


def check_timeline(report: Report) -> None:
    """Each process of a service is a span; what is needed ends after those that need it."""
    for name, restarts in (("sample", 7), ("names", 4), ("log", 4), ("stillborn", 4)):
        assert len(times_of(report, f"restart {name}")) == restarts
        lives = [item for item in report.slices if item.name == report.tracks[item.track].name == name]
        assert len(lives) == restarts + 1 and all(item.end is not None for item in lives)
    assert len(times_of(report, "give up stillborn")) == 1
    for name, needed in zip(SHUTDOWN, [*SHUTDOWN[1:], "log"]):
        assert times_of(report, f"exit {name}")[-1] < times_of(report, f"stop {needed}")[-1], (name, needed)
    assert times_of(report, "exit sample")[-1] < times_of(report, "stop names")[-1]


def test_services_end_and_come_again_under_load(boot: BootFunction, tmp_path: Path) -> None:
    """The program kills each of them under load, and none of its calls is lost; then all are stopped, in order."""
    capture = tmp_path / "services.spoor"
    machine = boot(cpus=2, capture=capture, cmdline="workload=services:shutdown poweroff")
    assert wait_all_done(machine, 240) == (1, 0), machine.serial.text[-4000:]
    assert machine.expect(TRACE_ENDED + ".*$", 120).group(0) == "init: trace complete"
    check_lines(machine)
    trace = tmp_path / "services.pftrace"
    subprocess.run([str(trace_tool()), "convert", str(capture), str(trace)], check=True)
    report = check_file(trace, keep=True)
    assert report.ok, report.summary()
    check_timeline(report)


def rows_of(output: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split() for line in output.splitlines()[1:]}


def test_services_at_the_prompt(boot: BootFunction) -> None:
    machine = boot(cpus=1, cmdline="workload=none services=sample tracer=0")
    assert wait_all_done(machine) == (0, 0)
    with machine.at_prompt() as kdebug:
        rows = rows_of(kdebug.command("services"))
        processes = rows_of(kdebug.command("processes"))
    assert {name for name, row in rows.items() if row[1] == "running"} == {"names", "log", "sample"}
    assert rows["sample"][2:4] == ["1", "0"] and set(rows["sample"][-2:]) == {"names", "log"}
    assert rows["tracer"][1:6] == ["idle", "0", "0", "-", "-"]
    for name in ("names", "log", "sample"):
        pid, handles = rows[name][4:6]
        assert processes[pid][-1] == name and processes[pid][3] == handles


@pytest.mark.parametrize("name,word", [("tracer", "tracer=0"), ("pager", "pager=64")])
def test_options_decide(boot: BootFunction, name: str, word: str) -> None:
    machine = boot(cpus=1, cmdline=f"workload=none {word}")
    assert wait_all_done(machine) == (0, 0)
    with machine.at_prompt() as kdebug:
        state = rows_of(kdebug.command("services"))[name][1]
    assert state == ("idle" if name == "tracer" else "running")


def has_memory_of_the_first_tracer(machine: Machine) -> bool:
    """Whether what the device reaches is older than the process that uses it now, and init has it, too."""
    with machine.at_prompt() as kdebug:
        tracer = rows_of(kdebug.command("services"))["tracer"][4]
        init = next(pid for pid, row in rows_of(kdebug.command("processes")).items() if row[-1] == "init")
        used = re.findall(r" area (\d+) .* read write physical$", kdebug.command(f"handles {tracer}"), re.MULTILINE)
        kept = re.findall(r" area (\d+) ", kdebug.command(f"handles {init}"))
    assert len(used) == 1
    return int(used[0]) < int(tracer) and used[0] in kept


def test_a_tracer_without_a_port(boot: BootFunction) -> None:
    """The machine has none that it was told to use: it says so, and nobody waits for it."""
    machine = boot(cpus=1, cmdline="workload=ipcload:calls=10 tracer_port=com2")
    machine.expect(r"^tracer: no port to capture through \(virtio console: ERR_NOT_FOUND, COM2: ERR_NOT_FOUND\)$", 60)
    assert wait_all_done(machine, 60) == (1, 0)


def test_a_tracer_that_is_killed_goes_on(boot: BootFunction, tmp_path: Path) -> None:
    """In a session of its own, with all that the rings still hold; the device it drove answers the next one."""
    capture, is_kept = tmp_path / "tracer.spoor", False
    for calls in (300, 3_000, 30_000):  # what the first one is given to begin its session before it is killed
        load = f"ipcload:calls={calls}"
        machine = boot(cpus=2, capture=capture, cmdline=f"sequential workload={load},services:end=tracer,{load}")
        assert wait_all_done(machine, 120) == (3, 0)
        assert machine.expect(TRACE_ENDED + ".*$", 60).group(0) == "init: trace complete"
        captured = lines_of(machine, "tracer: capturing")
        is_kept = has_memory_of_the_first_tracer(machine)
        machine.stop()
        if len(captured) == 2:
            break
    assert is_kept
    assert captured == ["tracer: capturing through the virtio console"] * 2
    checked = tracetool.output("check", "--session", "1", str(capture))
    assert "no findings" in checked and "no-end" not in checked, checked
    lines = tracetool.output("dump", "--session", "1", "--filter", "ipc.call", str(capture)).splitlines()
    assert any("label=supervisor.kill" in line for line in lines)  # from before, too
