# SPDX-License-Identifier: MIT
"""spoor-trace report on captures with known contents, and what `spoor report` and `spoor diff` make of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import spoor_gen
from capture_writer import Capture
from test_convert import CLIENT, MAILBOX, OTHER, SERVER, begin, play_call, stage, start_server, with_hole
from test_convert_generic import schema  # noqa: F401  (a fixture)
from trace_tools import BUILD, ROOT, spoor_json, spoor_trace, synth, tool

sys.path.insert(0, str(ROOT / "tools"))
from spoorlib import report_data  # noqa: E402

DISK, DISK_BOX = 41, 200


def save(folder: Path, capture: Capture, name: str = "capture.spoor") -> Path:
    path = folder / name
    path.write_bytes(capture.finish())
    return path


def measure(folder: Path, capture: Capture, code: int = 0) -> Any:
    return spoor_json("report", save(folder, capture), code=code)


def spoor(*arguments: str | Path, code: int = 0) -> str:
    """The command as a user calls it."""
    tool("spoor-trace")
    done = subprocess.run([str(ROOT / "tools" / "spoor"), *map(str, arguments)], capture_output=True, text=True,
                          env=os.environ | {"BUILD": str(BUILD)}, timeout=120, check=False)
    assert done.returncode == code, (done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout + done.stderr


def nested(slow: int = 0) -> Capture:
    """
    The client calls "box"; its server calls "disk box", whose server takes a page fault of 400 + slow, sleeps, answers.

        client   10100 call .................................................. return 12000
        server         10300 receive  10400 call ........ return 11500  11600 reply
        disk                           10500 receive  fault 10600-11000, sleep 11050-11150, 11300 reply
    """
    capture = begin(stage())
    capture.process(5, "disk")
    capture.thread(DISK, "platter", process=5)
    capture.mailbox(DISK_BOX, "disk box", process=5)
    late = 11000 + slow
    capture.emit(0, 10100, "ipc.call", flags=0, call=0xA1, mailbox=MAILBOX, label=7)
    capture.switch(0, 10200, CLIENT, SERVER, "reply", "handoff")
    capture.emit(0, 10300, "ipc.receive", call=0xA1, badge=0, mailbox=MAILBOX, label=7)
    capture.emit(0, 10400, "ipc.call", flags=0, call=0xB2, mailbox=DISK_BOX, label=3)
    capture.switch(0, 10450, SERVER, DISK, "reply", "handoff")
    capture.emit(0, 10500, "ipc.receive", call=0xB2, badge=0, mailbox=DISK_BOX, label=3)
    capture.emit(0, 10600, "fault.enter", error=6, address=0x7000, ip=0x401000)
    capture.emit(0, late, "fault.exit", outcome="zeroed")
    capture.switch(0, late + 50, DISK, OTHER, "sleep")
    capture.wake(0, late + 150, DISK)
    capture.switch(0, late + 200, OTHER, DISK, "preempted")
    capture.emit(0, late + 300, "ipc.reply", flags=0, call=0xB2)
    capture.switch(0, late + 350, DISK, SERVER, "receive", "handoff")
    capture.emit(0, late + 500, "ipc.return", status=0, call=0xB2)
    capture.emit(0, late + 600, "ipc.reply", flags=0, call=0xA1)
    capture.wake(0, late + 620, CLIENT)
    capture.switch(0, late + 900, SERVER, CLIENT, "receive")
    capture.emit(0, late + 1000, "ipc.return", status=0, call=0xA1)
    return capture


def operation(report: Any, name: str) -> Any:
    row, = [row for row in report["calls"]["operations"] if row["mailbox_name"] == name]
    return row


# ---- calls ----

def test_a_call_is_divided_without_a_rest(tmp_path: Path) -> None:
    report = measure(tmp_path, nested())
    outer = operation(report, "box")["slowest"]
    parts = {key: outer[key] for key in ("trip_ns", "queue_ns", "serve_ns", "back_ns", "back_ready_ns")}
    assert parts == {"trip_ns": 1900, "queue_ns": 200, "serve_ns": 1300, "back_ns": 400, "back_ready_ns": 280}
    assert outer["spent"] == {"unknown_ns": 0, "run_ns": 200, "ready_ns": 0, "fault_ns": 0, "call_ns": 1100,
                              "blocked_ns": 0}
    inner, = outer["calls"]
    assert inner["spent"] == {"unknown_ns": 0, "run_ns": 250, "ready_ns": 50, "fault_ns": 400, "call_ns": 0,
                              "blocked_ns": 100}
    assert (inner["trip_ns"], inner["queue_ns"], inner["serve_ns"], inner["back_ns"]) == (1100, 100, 800, 200)
    assert (outer["server"], inner["server"], inner["server_thread"]) == ("server", "disk", "platter")
    assert (outer["client"], outer["client_tid"], inner["client"]) == ("client", CLIENT, "server")
    fault = {"address": "0x7000", "ip": "0x401000", "symbol": "", "outcome": "zeroed", "time_ns": 400}
    assert inner["faults"] == 1 and inner["worst_fault"] == fault
    assert sum(step.ns for step in report_data.path_of(outer)) == 1900


def test_the_slowest_call_and_its_cause(tmp_path: Path) -> None:
    path = save(tmp_path, nested())
    found = json.loads(spoor("report", "--slowest-call", "--json", path))
    assert found["operation"] == "server/box:0x7" and found["trip_ns"] == 1900
    cause = found["cause"]
    assert (cause["server"], cause["mailbox"], cause["label"], cause["what"]) == ("disk", "disk box", 3, "page faults")
    assert cause["fault"]["address"] == "0x7000" and cause["fault"]["count"] == 1
    assert sum(step["time_ns"] for step in found["path"]) == 1900
    text = spoor("report", "--slowest-call", path)
    assert "=> disk/disk box:0x3: page faults, 400 ns (21%); 1 faults" in text
    assert "└ call disk/disk box:0x3" in text


def test_the_slowest_of_many_is_kept(tmp_path: Path) -> None:
    capture = begin(stage())
    start_server(capture)
    for number in range(20):
        play_call(capture, 10000 * (number + 1))
    capture.emit(0, 500000, "ipc.call", flags=0, call=0xBAD, mailbox=MAILBOX, label=5)
    capture.switch(0, 500100, CLIENT, SERVER, "reply", "handoff")
    capture.emit(0, 500200, "ipc.receive", call=0xBAD, badge=0, mailbox=MAILBOX, label=5)
    capture.emit(0, 590000, "ipc.reply", flags=0, call=0xBAD)
    capture.switch(0, 590100, SERVER, CLIENT, "receive", "handoff")
    capture.emit(0, 590200, "ipc.return", status=0, call=0xBAD)
    row = operation(measure(tmp_path, capture), "box")
    assert row["trip"]["count"] == 21 and row["trip"]["median_ns"] == 700 and row["trip"]["max_ns"] == 90200
    assert row["trip"]["octaves"] == [[512, 20], [65536, 1]]
    assert row["slowest"]["trip_ns"] == 90200 and row["slowest"]["start_ns"] == 500000 - 5000
    assert row["bytes"] == 20 * 4096


def test_a_server_that_waits_for_something_to_happen_is_not_slow(tmp_path: Path) -> None:
    """Its thread sleeps while the call waits: nobody keeps the caller waiting but the event itself."""
    capture = begin(stage())
    capture.switch(0, 8000, CLIENT, SERVER)
    capture.switch(0, 9000, SERVER, CLIENT, "sleep")
    capture.emit(0, 10000, "ipc.call", flags=0, call=0xA1, mailbox=MAILBOX, label=7)
    capture.switch(0, 10100, CLIENT, OTHER, "call")
    capture.wake(0, 90000, SERVER, reason="timeout")
    capture.switch(0, 90500, OTHER, SERVER)
    capture.emit(0, 91000, "ipc.receive", call=0xA1, badge=0, mailbox=MAILBOX, label=7)
    capture.emit(0, 92000, "ipc.reply", flags=0, call=0xA1)
    capture.switch(0, 92100, SERVER, CLIENT, "receive", "handoff")
    capture.emit(0, 92200, "ipc.return", status=0, call=0xA1)
    call = operation(measure(tmp_path, capture), "box")["slowest"]
    assert (call["queue_ns"], call["queue_idle_ns"]) == (81000, 80000)
    assert report_data.slowness(call) == 2200


def test_failed_and_incomplete_calls_are_counted_not_timed(tmp_path: Path) -> None:
    capture = begin(stage())
    capture.emit(0, 9000, "ipc.return", status=0, call=0xC0)  # it began before the capture
    capture.emit(0, 10000, "ipc.call", flags=0, call=0xA1, mailbox=MAILBOX, label=7)
    capture.emit(0, 11000, "ipc.return", status=-7, call=0xA1)
    capture.emit(0, 12000, "ipc.call", flags=0, call=0xA2, mailbox=MAILBOX, label=7)
    capture.emit(0, 13000, "ipc.call", flags=0, call=0xA3, mailbox=MAILBOX, label=7)  # the return of A2 is missing
    report = measure(tmp_path, capture)
    assert report["calls"]["failed"] == 1 and report["calls"]["incomplete"] == 3
    row = operation(report, "box")
    assert row["failed"] == 1 and row["trip"]["count"] == 0 and "slowest" not in row


def test_operations_are_told_apart_by_names_not_ids(tmp_path: Path) -> None:
    """A server that is started again has another mailbox: it is the same operation."""
    capture = begin(stage())
    capture.mailbox(MAILBOX + 1, "box")
    start_server(capture)
    play_call(capture, 10000)
    for time, name, values in ((20000, "ipc.call", {"flags": 0}), (20300, "ipc.receive", {"badge": 9})):
        if name == "ipc.receive":
            capture.switch(0, 20200, CLIENT, SERVER, "reply", "handoff")
        capture.emit(0, time, name, call=0xD, mailbox=MAILBOX + 1, label=5, **values)
    capture.emit(0, 20600, "ipc.reply", flags=0, call=0xD)
    capture.switch(0, 20700, SERVER, CLIENT, "receive", "handoff")
    capture.emit(0, 20800, "ipc.return", status=0, call=0xD)
    assert operation(measure(tmp_path, capture), "box")["trip"]["count"] == 2


def test_a_table_has_an_end(tmp_path: Path) -> None:
    capture = begin(stage())
    for label in range(600):
        at = 10000 + 1000 * label
        capture.emit(0, at, "ipc.call", flags=0, call=0xA1, mailbox=MAILBOX, label=label)
        capture.switch(0, at + 1, CLIENT, SERVER, "reply", "handoff")
        capture.emit(0, at + 2, "ipc.receive", call=0xA1, badge=0, mailbox=MAILBOX, label=label)
        capture.emit(0, at + 3, "ipc.reply", flags=0, call=0xA1)
        capture.switch(0, at + 4, SERVER, CLIENT, "receive", "handoff")
        capture.emit(0, at + 5, "ipc.return", status=0, call=0xA1)
    rows = measure(tmp_path, capture)["calls"]["operations"]
    assert len(rows) == 513 and sum(row["trip"]["count"] for row in rows) == 600
    assert [row["trip"]["count"] for row in rows if row["is_rest"]] == [88]


# ---- time ----

def test_wake_ups_processors_faults_and_system_calls(tmp_path: Path) -> None:
    report = measure(tmp_path, nested())
    rows = {row["process"]: row for row in report["processes"]}
    assert report["wakeups"]["wake"]["count"] == 2 and report["wakeups"]["handoffs"] == 3
    assert rows["disk"]["wake"]["max_ns"] == 50 and rows["client"]["wake"]["max_ns"] == 280
    assert rows["disk"]["fault"]["total_ns"] == 400 and rows["disk"]["fault_outcomes"] == {"zeroed": 1}
    assert rows["disk"]["cpu_total_ns"] == 11050 - 10450 + 11350 - 11200
    assert rows["server"]["cpu_ns"] == [10450 - 10200 + 11900 - 11350]
    core, = report["cores"]
    assert core["known_ns"] == 12000 - 5000 == core["idle_ns"] + sum(row["cpu_total_ns"] for row in rows.values())


def test_a_system_call_counts_the_time_on_a_core(tmp_path: Path) -> None:
    capture = begin(stage())
    capture.emit(0, 10000, "syscall.enter", number=19, arg0=0)
    capture.switch(0, 10400, CLIENT, 0, "sleep")
    capture.switch(0, 20000, 0, CLIENT, "ready")
    capture.emit(0, 20100, "syscall.exit", status=-7)
    row, = measure(tmp_path, capture)["syscalls"]
    assert (row["name"], row["failed"], row["cpu_ns"], row["time"]["max_ns"]) == ("area_map", 1, 500, 10100)


def test_interrupts_nest(tmp_path: Path) -> None:
    capture = begin(stage())
    for time, name, vector in ((10000, "enter", 0x34), (10100, "enter", 0xE1), (10200, "exit", 0xE1),
                               (10300, "exit", 0x34)):
        capture.emit(0, time, f"irq.{name}", vector=vector)
    report = measure(tmp_path, capture)
    assert {row["name"]: row["time"]["total_ns"] for row in report["interrupts"]} == {"line 4": 300, "reschedule": 100}
    assert report["cores"][0]["irq_ns"] == 300


def test_processes_of_one_name_are_one_row(tmp_path: Path) -> None:
    capture = begin(stage())
    for number in range(3):
        capture.process(10 + number, "churned")
        capture.thread(60 + number, "main", process=10 + number)
        capture.switch(0, 10000 + 200 * number, CLIENT, 60 + number)
        capture.switch(0, 10100 + 200 * number, 60 + number, CLIENT)
    row, = [row for row in measure(tmp_path, capture)["processes"] if row["process"] == "churned"]
    assert row["processes"] == 3 and row["cpu_total_ns"] == 300


def test_numbers_of_events_that_it_does_not_know(tmp_path: Path, schema: str) -> None:  # noqa: F811
    capture = begin(stage(schema=schema))
    for index, depth in enumerate((3, 9, 5)):
        capture.emit(0, 10000 + index, "test.queue.depth", cpu=0, depth=depth)
    capture.emit(0, 11000, "mm.flush.begin", address=1)
    capture.emit(0, 11700, "mm.flush.end", cores=1)
    rows = {(row["event"], row["field"]): row for row in measure(tmp_path, capture)["numbers"]}
    values = rows["test.queue.depth", "depth"]["values"]
    assert (values["count"], values["median"], values["max"]) == (3, 5, 9)
    assert rows["mm.flush.begin", ""]["time"]["max_ns"] == 700
    assert set(rows) == {("test.queue.depth", "depth"), ("mm.flush.begin", "")}


def test_what_is_lost_is_told(tmp_path: Path) -> None:
    path = save(tmp_path, with_hole(drop=2))
    report = spoor_json("report", path)
    assert report["loss"]["overwritten"] == 200 and report["loss"]["holes"] == 1
    assert "LOST events: 200 overwritten" in spoor("report", path)


def tell_costs(capture: Capture, **costs: tuple[int, int]) -> None:
    for name, (instructions, per_word) in costs.items():
        capture.emit(0, 1040, "trace.cost", event=spoor_gen.EVENTS[name.replace("_", ".")]["id"],
                     instructions=instructions, per_word=per_word)


def test_what_tracing_cost_is_told(tmp_path: Path) -> None:
    capture = begin(stage(cpus=2))
    tell_costs(capture, irq_enter=(22, 0), log_line=(80, 1))
    for time in range(10000, 10300, 100):
        capture.emit(0, time, "irq.enter", vector=0xE0)
        capture.emit(0, time + 50, "irq.exit", vector=0xE0)
    capture.emit(1, 10000, "log.line", level=1, text="seventeen letters")
    capture.lanes[1].unread = 4
    capture.next_subbuf(1)
    capture.emit(0, 20000, "irq.enter", vector=0xE0)
    first, second = measure(tmp_path, capture)["cores"]
    assert (first["events"], first["trace_instructions"], first["unread_max_bytes"]) == (8, 4 * 22, 3 * 16384)
    assert (second["events"], second["trace_instructions"], second["unread_max_bytes"]) == (2, 80 + 3, 0)
    text = spoor("report", tmp_path / "capture.spoor")
    assert "tracing cost at most 171 instructions (17.1 for each of 10 events) = " in text
    assert "in each µs that a core was busy; its consumer was up to 48 KiB behind" in text
    assert "% of what the cores executed" in spoor("report", "--icount", "4", tmp_path / "capture.spoor")


@pytest.mark.parametrize("cpus", ["1", "4"])
def test_parts_add_up_on_a_busy_capture(tmp_path: Path, cpus: str) -> None:
    path = synth(tmp_path / "work.spoor", "--kind", "mixed", "--events", "30000", "--cpus", cpus)
    report = spoor_json("report", path)
    assert report["calls"]["trip"]["count"] > 100
    for row in report["calls"]["operations"]:
        assert row["queue"]["total_ns"] + row["serve"]["total_ns"] + row["back"]["total_ns"] == row["trip"]["total_ns"]
        assert sum(row["spent"].values()) == row["serve"]["total_ns"]
    for call in report_data.slowest_calls(report):
        assert sum(step.ns for step in report_data.path_of(call)) == call["trip_ns"]
        assert all(step.ns >= 0 for step in report_data.path_of(call))
    for index, core in enumerate(report["cores"]):
        assert core["known_ns"] == core["idle_ns"] + sum(row["cpu_ns"][index] for row in report["processes"])
    text = spoor("report", path)
    for title in ("IPC by server and operation", "The slowest call", "From wake-up to running", "Processor time",
                  "Page faults", "System calls", "Interrupts"):
        assert title in text


# ---- the page ----

class Page(HTMLParser):
    """Balanced tags, nothing from outside, no scripts."""

    VOID = {"meta", "rect", "br"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onload"}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_needs_nothing_else(tmp_path: Path) -> None:
    capture = nested()
    capture.mailbox(DISK_BOX, "<script>&", process=5, tsc=1040)
    page = tmp_path / "report.html"
    spoor("report", "--html", page, save(tmp_path, capture))
    source = page.read_text()
    parser = Page()
    parser.feed(source)
    assert not parser.open and "script" not in parser.tags and "http" not in source
    assert parser.tags.count("svg") > 4 and "disk/<script>&:0x3: page faults" in parser.text


# ---- diff ----

def test_diff_names_what_got_longer(tmp_path: Path) -> None:
    def many(slow: int, name: str) -> Path:
        captures = []
        base = nested(slow)
        captures.append(base)
        for number in range(1, 6):
            play_nested(base, 20000 * number, slow)
        return save(tmp_path, base, name)

    before, after = many(0, "a.spoor"), many(3000, "b.spoor")
    changes = json.loads(spoor("diff", "--json", before, after))
    worst = changes[0]
    assert worst["percent"] > 100
    longer = {(change["kind"], change["name"]): change for change in changes}
    fault = longer["page fault", "disk"]
    assert fault["median_b"] - fault["median_a"] == pytest.approx(3000, 0.02)
    assert ("call, queue", "server/box:0x7") not in longer, "what has not changed is not shown"
    text = spoor("diff", before, after)
    assert "Longer in B" in text and "page fault: disk" in text
    assert "nothing changed" in spoor("diff", before, before)


def play_nested(capture: Capture, at: int, slow: int) -> None:
    """The calls of nested() again, later."""
    late = at + 1000 + slow
    capture.emit(0, at + 100, "ipc.call", flags=0, call=0xA1, mailbox=MAILBOX, label=7)
    capture.switch(0, at + 200, CLIENT, SERVER, "reply", "handoff")
    capture.emit(0, at + 300, "ipc.receive", call=0xA1, badge=0, mailbox=MAILBOX, label=7)
    capture.emit(0, at + 400, "ipc.call", flags=0, call=0xB2, mailbox=DISK_BOX, label=3)
    capture.switch(0, at + 450, SERVER, DISK, "reply", "handoff")
    capture.emit(0, at + 500, "ipc.receive", call=0xB2, badge=0, mailbox=DISK_BOX, label=3)
    capture.emit(0, at + 600, "fault.enter", error=6, address=0x7000, ip=0x401000)
    capture.emit(0, late, "fault.exit", outcome="zeroed")
    capture.emit(0, late + 300, "ipc.reply", flags=0, call=0xB2)
    capture.switch(0, late + 350, DISK, SERVER, "receive", "handoff")
    capture.emit(0, late + 500, "ipc.return", status=0, call=0xB2)
    capture.emit(0, late + 600, "ipc.reply", flags=0, call=0xA1)
    capture.switch(0, late + 900, SERVER, CLIENT, "receive", "handoff")
    capture.emit(0, late + 1000, "ipc.return", status=0, call=0xA1)


def test_saved_reports_and_instructions(tmp_path: Path) -> None:
    path = save(tmp_path, nested())
    saved = tmp_path / "saved.json"
    report = json.loads(spoor("report", "--json", path))
    report["cmdline"] += " icount=4"  # as `spoor trace record --icount 4` has it
    saved.write_text(json.dumps(report))
    assert "took 119 instr" in spoor("report", "--slowest-call", saved)
    assert "took 950 instr" in spoor("report", "--slowest-call", "--icount", "1", path)
    assert "record both alike" in spoor("diff", path, saved, code=1)
    assert "medians in instructions" in spoor("diff", "--all", saved, saved)


@pytest.mark.parametrize(("name", "content", "says"), [
    ("missing.spoor", None, "there is no file"),
    ("junk.spoor", b"junk", "failed (exit code 2)"),
    ("junk.json", b"{", "is not JSON"),
    ("other.json", b"{}", "was not written by"),
])
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert says in spoor("report", path, code=1)


def test_a_capture_without_calls(tmp_path: Path) -> None:
    path = save(tmp_path, begin(stage()))
    assert "no call that is whole" in spoor("report", "--slowest-call", path, code=1)
    assert spoor_trace("report", path, "more", code=2).stderr.startswith(b"spoor-trace: report: give one input")
    spoor("report", path)
    spoor("report", "--html", tmp_path / "page.html", path)


# ---- post ----

def test_post_says_what_a_dead_machine_did_last(tmp_path: Path) -> None:
    rings = synth(tmp_path / "rings", "--image", "--cpus", "2", "--events", "2000").read_bytes()
    memory = tmp_path / "guest.mem"
    memory.write_bytes(bytes(0x5000) + rings + bytes(0x1000))
    text = spoor("post", "--last", "7", "-o", tmp_path / "post", memory)
    last = text.split("The last events\n")[1].split("\n\n")[0].splitlines()
    assert len(last) == 7 and all(" cpu" in line for line in last)
    assert "IPC by server and operation" in text
    assert (tmp_path / "post" / "post.pftrace").read_bytes()[:1] == b"\x0a"
    capture = synth(tmp_path / "dead.spoor", "--events", "2000")
    assert "The slowest call" in spoor("post", "-o", tmp_path / "again", capture)
    assert not (tmp_path / "again" / "post.spoor").exists(), "a capture is read where it is"
    (tmp_path / "junk").write_bytes(b"junk")
    assert "holds neither" in spoor("post", "-o", tmp_path / "none", tmp_path / "junk", code=1)
