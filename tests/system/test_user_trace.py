# SPDX-License-Identifier: MIT
"""What programs write into their lanes, from there to the timeline; and what they cannot do with them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from conftest import TRACE_ENDED, BootFunction, wait_all_done

from qemu.paths import ROOT, trace_tool

sys.path.insert(0, str(ROOT / "tests" / "host"))
from perfetto_check import check_file  # noqa: E402

ROUNDS = 400  # 3,600 records: more than the lane holds


def test_spans_counters_and_flows_of_a_program_are_drawn(boot: BootFunction, tmp_path: Path) -> None:
    capture = tmp_path / "user.spoor"
    machine = boot(cpus=2, cmdline=f"workload=spans:rounds={ROUNDS}", capture=capture)
    assert wait_all_done(machine, 120) == (1, 0)
    assert machine.expect(TRACE_ENDED + ".*$", 60).group(0) == "init: trace complete"
    trace = tmp_path / "user.pftrace"
    subprocess.run([str(trace_tool()), "convert", str(capture), str(trace)], check=True)
    report = check_file(trace, keep=True)
    assert report.ok, report.summary()
    mine = {uuid: track.name for uuid, track in report.tracks.items() if track.name.endswith(": user events")}
    assert sorted(mine.values()) == ["answerer: user events", "asker: user events"]
    spans = [item for item in report.slices if item.track in mine]
    of_name = {name: [item for item in spans if item.name == name] for name in ("round", "part", "answer")}
    assert {name: len(items) for name, items in of_name.items()} == dict.fromkeys(of_name, ROUNDS)
    assert all(item.end is not None for item in spans)
    assert all(item.depth == (item.name == "part") for item in spans if item.name != "hand over")
    # Each answer lies in its round, and a flow comes to it from there.
    for asked, answered in zip(of_name["round"], of_name["answer"]):
        assert asked.begin < answered.begin < answered.end < asked.end
    assert len([item for item in spans if item.name == "hand over"]) == 2 * ROUNDS
    assert report.counts["flows_whole"] >= ROUNDS
    steps = [item.args["value"] for item in report.instants if item.name == "step"]
    assert steps == list(range(1, ROUNDS + 1))
    progress = next(uuid for uuid, track in report.tracks.items() if track.name == "progress")
    assert [value for _, value in report.counters[progress]] == list(range(1, ROUNDS + 1))


def test_rubbish_in_a_lane_harms_nobody(boot: BootFunction, tmp_path: Path) -> None:
    capture = tmp_path / "fuzz.spoor"
    machine = boot(cpus=2, cmdline="workload=spans:fuzz=400,ipcload:calls=1000 trace=all", capture=capture)
    assert wait_all_done(machine, 120) == (2, 0)
    assert machine.expect(TRACE_ENDED + ".*$", 60).group(0) == "init: trace complete"
    with machine.at_prompt() as kdebug:
        [lane] = kdebug.command("trace user").splitlines()[1:]  # of init; the others are given back
        assert re.search(rf"^ *{lane.split()[0]} .* init$", kdebug.command("processes"), re.MULTILINE)
        lost = kdebug.command("trace last 5 user.lost")
        assert re.search(r"user\.lost process=\d+ count=[1-9]", lost), lost
    subprocess.run([str(trace_tool()), "check", str(capture)], check=True)
    trace = tmp_path / "fuzz.pftrace"
    subprocess.run([str(trace_tool()), "convert", str(capture), str(trace)], check=True)
    report = check_file(trace, keep=True)
    assert report.ok, report.summary()


def test_lanes_at_the_prompt(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=spans:rounds=100000000 tracer=0")
    machine.expect("^spans: the lane is open", 60)
    recorded = 0
    while recorded < 9:  # at this prompt nothing goes on: look until it has come that far
        with machine.at_prompt() as kdebug:
            lanes = kdebug.command("trace user").splitlines()
            assert len(lanes) == 2, lanes
            process, recorded, lost, unread = (int(lanes[1].split()[column]) for column in (0, 2, 3, 4))
    assert lost == 0 and unread <= 1024
    with machine.at_prompt() as kdebug:
        slots = kdebug.command(f"trace user {process} 9").splitlines()
        assert len(slots) == 9
        assert any(re.search(r"tsc \d+  track \d+  begin id [1-3]  value 0", line) for line in slots), slots
        assert "no lane" in kdebug.command("trace user 1")
