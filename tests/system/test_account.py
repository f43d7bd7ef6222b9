# SPDX-License-Identifier: MIT
"""The recorder's account of itself in the running system: what it costs, how far its consumer is behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from conftest import TRACE_ENDED, BootFunction, wait_all_done

from qemu.paths import ROOT, kernel_elf, trace_tool

sys.path.insert(0, str(ROOT / "tests" / "host"))
from perfetto_check import check_file  # noqa: E402

SHIFT = 4
MEASURED = {"measure_switch": "thread_switch", "measure_irq": "irq", "measure_fault": "page_fault",
            "measure_ipc": "ipc"}


def test_instructions_counted_in_the_object_code_are_those_executed(boot: BootFunction) -> None:
    """The kernel measures four of its own sites with -icount; costs.py counts the same sites in its object code."""
    machine = boot(cpus=1, icount=SHIFT, cmdline="workload=none bench=1 trace=none tracer=0")
    wait_all_done(machine, 120)
    measured = {key: int(least) >> SHIFT for key, least in
                re.findall(r"^BENCH trace\.event\.(\w+) min=(\d+)", machine.serial.text, re.M)}
    command = [sys.executable, ROOT / "tools/gen/costs.py", "--list", kernel_elf(machine.config.mode)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    counted = {MEASURED[row[4]]: int(row[0]) for row in rows if row[4] in MEASURED}
    assert counted == measured and len(counted) == len(MEASURED)


def test_a_capture_tells_what_it_cost_and_who_was_behind(boot: BootFunction, tmp_path: Path) -> None:
    capture = tmp_path / "account.spoor"
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=1000", capture=capture)
    assert wait_all_done(machine, 120) == (1, 0)
    assert machine.expect(TRACE_ENDED + ".*$", 60).group(0) == "init: trace complete"
    with machine.at_prompt() as kdebug:
        costs = kdebug.command("trace cost")
        lanes = kdebug.command("trace")
    mine = {words[0]: [int(word) for word in words[-3:]] for line in costs.splitlines()[1:]
            if len(words := line.replace("cpu ", "cpu").split()) == 4}
    assert mine["cpu0"][1] > 0 and 15 < mine["ipc.call"][2] < 60
    by_core = [row[1] for name, row in mine.items() if name.startswith("cpu")]
    assert len(by_core) == 2 and 2 * sum(by_core) == sum(row[1] for row in mine.values())
    assert re.search(r"^ *1  normal .* - +0 +0$", lanes, re.M), lanes  # the tracer has left

    report = json.loads(subprocess.run([trace_tool(), "report", capture], capture_output=True, check=True).stdout)
    assert all(15 * core["events"] < core["trace_instructions"] < 60 * core["events"] for core in report["cores"])
    target = tmp_path / "account.pftrace"
    subprocess.run([trace_tool(), "convert", "--quiet", capture, target], check=True)
    timeline = check_file(target, keep=True)
    assert timeline.ok, timeline.summary()
    curves = {timeline.tracks[uuid].name: [value for _, value in values] for uuid, values in timeline.counters.items()}
    for cpu in range(2):
        fill, unread = curves[f"cpu {cpu} ring fill"], curves[f"cpu {cpu} unread"]
        assert fill == sorted(fill) and len(fill) > 3
        assert max(unread) < fill[-1] and all(value % 0x4000 == 0 for value in unread)
        assert curves[f"cpu {cpu} events lost"] == [0]
        assert all(value > 0 for value in curves[f"cpu {cpu} tracing instructions/s"])
