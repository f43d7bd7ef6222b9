# SPDX-License-Identifier: MIT
"""
The SQL module and `spoor query`, without a trace processor: SQLite runs the module over the tables that an importer
would make, filled from what the independent decoder read.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from perfetto_check import Report
from test_convert import CLIENT, begin, stage
from test_report import nested, save, spoor
from trace_tools import ROOT, convert, synth

sys.path.insert(0, str(ROOT / "tools"))
from spoorlib import open_ui, views  # noqa: E402
from spoorlib.console import UserError  # noqa: E402

BASE = """
CREATE TABLE slice(id INTEGER, ts INTEGER, dur INTEGER, category TEXT, name TEXT, track_id INTEGER, depth INTEGER,
                   parent_id INTEGER, arg_set_id INTEGER);
CREATE TABLE thread_track(id INTEGER, utid INTEGER);
CREATE TABLE thread(utid INTEGER, tid INTEGER, name TEXT);
CREATE TABLE flow(slice_out INTEGER, slice_in INTEGER);
CREATE TABLE thread_state(utid INTEGER, ts INTEGER, dur INTEGER, state TEXT, blocked_function TEXT, waker_utid INTEGER);
"""
FUNCTION = re.compile(r"CREATE PERFETTO FUNCTION (\w+)\((\w+) LONG\)\s*RETURNS TABLE\(.*?\) AS\n(.*?);", re.S)


class Database:
    """Tables of a trace, our module's on top."""

    def __init__(self, report: Report) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.connection.create_function("extract_arg", 2, self.extract_arg)
        self.connection.executescript(BASE)
        self.args: dict[int, dict[str, Any]] = {}
        self.fill(report)
        self.functions: dict[str, tuple[str, str]] = {}
        text = FUNCTION.sub(self.take_function, views.tables())
        self.connection.executescript(re.sub(r"CREATE PERFETTO (TABLE|VIEW)", r"CREATE \1", text))

    def take_function(self, match: re.Match[str]) -> str:
        self.functions[match[1]] = (match[2], match[3])
        return ""

    def extract_arg(self, arg_set: int, key: str) -> Any:
        value = self.args[arg_set].get(key.removeprefix("debug."))
        return int(value) if isinstance(value, bool) else value

    def fill(self, report: Report) -> None:
        run = self.connection.execute
        for tid, (_, name) in report.threads.items():
            run("INSERT INTO thread VALUES (?, ?, ?)", (tid, tid, name))
        for uuid, track in report.tracks.items():
            if track.kind == "thread":
                run("INSERT INTO thread_track VALUES (?, ?)", (uuid, track.tid))
        stacks: dict[int, list[int]] = {}
        points: dict[int, list[tuple[int, int]]] = {}
        begins: dict[int, int] = {}
        for item in sorted(report.slices, key=lambda item: (item.track, item.begin, item.depth)):
            stack = stacks.setdefault(item.track, [])
            del stack[item.depth:]
            number = len(self.args) + 1
            self.args[number] = {**item.args, **item.end_args}
            dur = item.end - item.begin if item.end is not None else -1
            run("INSERT INTO slice VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (number, item.begin, dur, item.category, item.name, item.track, item.depth,
                 stack[-1] if stack else None, number))
            stack.append(number)
            begins[number] = item.begin
            for flow in item.flows:
                points.setdefault(flow, []).append((item.begin, number))
            for flow in item.ended_flows:
                points.setdefault(flow, []).append((item.end or 0, number))
        for instant in report.instants:  # slices without duration, for the importer
            number = len(self.args) + 1
            self.args[number] = dict(instant.args)
            run("INSERT INTO slice VALUES (?, ?, 0, ?, ?, ?, 0, NULL, ?)",
                (number, instant.time, instant.category, instant.name, instant.track, number))
            begins[number] = instant.time
            for flow in instant.flows + instant.ended_flows:
                points.setdefault(flow, []).append((instant.time, number))
        for stops in points.values():
            stops.sort()
            for (_, out), (_, into) in zip(stops, stops[1:], strict=False):
                # As trace_processor v58.2 does: out of the slice that began first, whichever way the flow goes.
                run("INSERT INTO flow VALUES (?, ?)", (into, out) if begins[into] < begins[out] else (out, into))
        for tid, states in report.states.items():
            for state in states:
                dur = state.end - state.begin if state.end is not None else -1
                run("INSERT INTO thread_state VALUES (?, ?, ?, ?, ?, ?)",
                    (tid, state.begin, dur, state.name, state.blocked_on or None, state.waker or None))

    def rows(self, query: str) -> list[Any]:
        return self.connection.execute(query).fetchall()

    def call(self, name: str, value: int) -> list[Any]:
        parameter, body = self.functions[name]
        return self.rows(body.replace(f"${parameter}", str(value)))


def test_calls_their_parts_and_their_tree(tmp_path: Path) -> None:
    base = Database(convert(tmp_path, nested().finish()))
    outer, inner = base.rows("SELECT * FROM spoor_ipc_call ORDER BY ts")
    assert outer[1:5] == (10100, 1901, "box", 7) and inner[1:5] == (10400, 1101, "disk box", 3)
    assert outer[5] == CLIENT and outer[11] is None and inner[11] == outer[0]
    assert all(abs(got - wanted) <= 4 for got, wanted in zip(inner[8:11], (100, 800, 200), strict=True))
    path = base.call("spoor_ipc_critical_path", outer[0])
    assert sum(row[5] for row in path) == 1901 and {row[0] for row in path} == {0, 1}
    assert base.call("spoor_ipc_critical_path", inner[0])[0][0] == 0
    operations = {row[0]: row[2] for row in base.rows("SELECT * FROM spoor_ipc_operation")}
    assert operations == {"box": 1, "disk box": 1}


def test_waits_faults_and_losses(tmp_path: Path) -> None:
    base = Database(convert(tmp_path, nested().finish()))
    waits = {(row[0], row[3]): row for row in base.rows("SELECT * FROM spoor_wait")}
    assert waits[CLIENT, "reply of box"][4] == "box" and waits[CLIENT, "reply of box"][5] == 21
    fault, = base.rows("SELECT ts, dur, utid, address, outcome FROM spoor_fault")
    assert fault == (10600, 400, 41, 0x7000, "zeroed")
    assert base.rows("SELECT * FROM spoor_loss") == []
    assert base.rows("SELECT count(*) FROM spoor_wake_latency")[0][0] > 0


def test_every_start_up_set_runs(tmp_path: Path) -> None:
    source = synth(tmp_path / "work.spoor", "--kind", "mixed", "--events", "5000")
    base = Database(convert(tmp_path, source.read_bytes()))
    assert base.rows("SELECT count(*) FROM spoor_ipc_call WHERE serve_id IS NOT NULL")[0][0] > 20
    for dur, parts in base.rows("SELECT c.dur, sum(s.dur) FROM spoor_ipc_call c JOIN spoor_ipc_step s USING (call_id) "
                                "WHERE NOT EXISTS (SELECT 1 FROM spoor_ipc_call n WHERE n.parent_id = c.call_id) "
                                "GROUP BY c.call_id"):
        assert dur == parts
    for view in views.load().values():
        assert view["about"]
        for command in view["commands"]:
            query = next((text for text in command["args"] if text.startswith("SELECT")), None)
            if query and "critical_path(" not in query:
                base.rows(query)
            elif query is None:
                re.compile(command["args"][0])


def test_every_table_is_documented() -> None:
    for name in views.MODULES:
        text = (views.FOLDER / f"{name}.sql").read_text()
        for match in re.finditer(r"(.*)\nCREATE PERFETTO \w+ (\w+)", text):
            assert match[1].startswith("--"), f"{match[2]} has no comment"
            assert match[2].startswith("spoor_")


def test_a_link_carries_the_start_up_set(tmp_path: Path) -> None:
    file = tmp_path / "a.pftrace"
    file.write_bytes(b"\x0a\x00")
    with open_ui.TraceServer(file, open_ui.UI_ORIGIN, 0, "ipc") as server:
        query = parse_qs(urlsplit(server.link).fragment.removeprefix("!/?"))
    commands = json.loads(query["startupCommands"][0])
    assert "CREATE PERFETTO TABLE spoor_ipc_call" in commands[0]["args"][0]
    assert [command["id"] for command in commands[1:3]] == ["dev.perfetto.PinTracksByRegex",
                                                            "dev.perfetto.RunQueryAndShowTab"]
    with pytest.raises(UserError, match="there are faults, ipc, loss, sched, waits"):
        views.commands("nonsense")


def test_query_gives_the_processor_our_tables(tmp_path: Path) -> None:
    processor = tmp_path / "tp"
    processor.write_text('#!/bin/sh\necho "$1"\ncat "$2"\nod -An -tx1 -N1 "$3"\n')
    processor.chmod(0o755)
    capture = save(tmp_path, begin(stage()))
    text = spoor("query", "--tp", processor, "SELECT 1", capture)
    assert text.startswith("-q\n") and "CREATE PERFETTO TABLE spoor_ipc_call" in text
    assert "\nSELECT 1;\n" in text and text.endswith(" 0a\n"), "a capture is converted first"
    assert "is not a program" in spoor("query", "--tp", "/nonsense", "SELECT 1", capture, code=1)
    assert "give a query and a file" in spoor("query", code=1)
    assert "spoor_wait" in spoor("query", "--tables")


# ---- make check-perfetto, with something that speaks like a trace processor ----

PROCESSOR = """#!/bin/sh
echo '"n"'
if grep -q 'FROM stats' "$2"; then printf '%b' "$COMPLAINT"; else echo "${COUNT:-5}"; fi
"""


@pytest.mark.parametrize(("surroundings", "code", "says"), [
    ({}, 0, "nothing to complain about"),
    ({"COMPLAINT": '"mismatched_sched_switch_tids","[NULL]",3,"error"\n'}, 1, "mismatched_sched_switch_tids"),
    ({"COUNT": "0"}, 1, "there are no calls served"),
])
def test_what_the_importer_says_decides(tmp_path: Path, surroundings: dict[str, str], code: int, says: str) -> None:
    processor = tmp_path / "tp"
    processor.write_text(PROCESSOR)
    processor.chmod(0o755)
    trace = tmp_path / "a.pftrace"
    trace.write_bytes(b"\x0a\x00")
    script = ROOT / "tests" / "runner" / "check_perfetto.py"
    command = ["/usr/bin/python3", str(script), "--tp", str(processor), str(trace)]
    done = subprocess.run(command, env=os.environ | surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == code and says in done.stdout
    gone = subprocess.run([*command[:3], "/nonsense", command[4]], capture_output=True, text=True, check=False)
    assert gone.returncode == 2 and "give TP=PATH" in gone.stderr
