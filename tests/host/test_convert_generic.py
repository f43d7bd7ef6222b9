# SPDX-License-Identifier: MIT
"""Events that the converter has never heard of, shown by what the schema in the capture says about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import spoor_gen
from perfetto_check import Report
from test_convert import CLIENT, begin, instants, named, on_track, stage
from trace_tools import convert

# name, word, shift, bits, kind; word 0 is the header, whose small fields begin at bit 14
EVENTS: dict[str, tuple[int, int, list[str]]] = {
    "test.queue.depth": (500, 1, ["cpu 0 14 8 cpu", "depth 1 0 32 dec counter"]),
    "frame.class.level": (501, 2, ["class 0 14 8 enum:frame_class", "free 1 0 64 bytes counter",
                                   "spare 2 0 64 dec counter"]),
    "test.thread.steal": (502, 1, ["from 0 14 8 cpu", "thread 1 0 24 tid", "what 1 24 8 enum:frame_class"]),
    "mm.flush.begin": (503, 1, ["address 1 0 64 hex"]),
    "mm.flush.end": (504, 1, ["cores 1 0 64 dec"]),
    "mm.note": (505, 0, ["text 1 0 0 string"]),
}
ENUM = {"small": 0, "large": 1}


def schema_with(events: dict[str, tuple[int, int, list[str]]]) -> str:
    lines = ["enum frame_class " + " ".join(f"{value}={name}" for name, value in ENUM.items())]
    for name, (number, words, fields) in events.items():
        lines.append(f"event {number} {name} sched {words}")
        lines += [f"field {field}" for field in fields]
    return spoor_gen.SCHEMA_TEXT + "\n".join(lines) + "\n"


@pytest.fixture
def schema(monkeypatch: pytest.MonkeyPatch) -> str:
    """A schema with the events above, which the writer of captures knows for the time of a test, too."""
    monkeypatch.setitem(spoor_gen.ENUMS, "frame_class", ENUM)
    for name, (number, words, texts) in EVENTS.items():
        fields: list[dict[str, Any]] = []
        for text in texts:
            word = text.split()
            enum = word[4].removeprefix("enum:") if word[4].startswith("enum:") else ""
            fields.append({"name": word[0], "word": int(word[1]), "shift": int(word[2]), "bits": int(word[3]),
                           "kind": word[4], "enum": enum})
        monkeypatch.setitem(spoor_gen.EVENTS, name, {"id": number, "words": words, "fields": fields, "meta": False})
    return schema_with(EVENTS)


def curves(report: Report) -> dict[str, list[tuple[int, int]]]:
    """All but the recorder's own."""
    tracks = report.tracks
    return {tracks[uuid].name: values for uuid, values in report.counters.items()
            if not tracks[uuid].parent or tracks[tracks[uuid].parent].name != "trace health"}


def test_a_level_becomes_a_curve_for_each_core(tmp_path: Path, schema: str) -> None:
    capture = begin(stage(cpus=2, schema=schema))
    capture.emit(0, 10000, "test.queue.depth", cpu=0, depth=3)
    capture.emit(0, 11000, "test.queue.depth", cpu=1, depth=5)
    capture.emit(1, 12000, "test.queue.depth", cpu=0, depth=2)
    report = convert(tmp_path, capture.finish())
    assert curves(report) == {"depth cpu 0": [(10000, 3), (12000, 2)], "depth cpu 1": [(11000, 5)]}
    parents = {report.tracks[track.parent].name for track in report.tracks.values() if track.name.startswith("depth")}
    assert parents == {"test.queue.depth"}


def test_the_depth_of_a_run_queue_is_a_curve_of_its_core(tmp_path: Path) -> None:
    """A level of the core that emits it has no field that says so."""
    capture = begin(stage(cpus=2))
    capture.emit(0, 10000, "sched.queue.depth", ready=3)
    capture.emit(1, 11000, "sched.queue.depth", ready=5)
    report = convert(tmp_path, capture.finish())
    assert curves(report) == {"ready cpu 0": [(10000, 3)], "ready cpu 1": [(11000, 5)]}


def test_several_levels_in_one_event(tmp_path: Path, schema: str) -> None:
    capture = begin(stage(schema=schema))
    levels: dict[str, Any] = {"class": "large", "free": 1 << 40, "spare": 7}
    capture.emit(0, 10000, "frame.class.level", **levels)
    report = convert(tmp_path, capture.finish())
    assert curves(report) == {"free large": [(10000, 1 << 40)], "spare large": [(10001, 7)]}


def test_an_event_becomes_an_instant_with_its_fields(tmp_path: Path, schema: str) -> None:
    capture = begin(stage(schema=schema))
    theft: dict[str, Any] = {"from": 3, "thread": CLIENT, "what": "large"}
    capture.emit(0, 10000, "test.thread.steal", **theft)
    capture.emit(0, 11000, "mm.note", text="caf\xe9")
    report = convert(tmp_path, capture.finish())
    steal = instants(report, "test.thread.steal")[0]
    assert steal.args == {"from": 3, "thread": f"{CLIENT}(main)", "what": "large"}
    assert steal.time == 10000 and steal.category == "sched" and report.tracks[steal.track].tid == CLIENT
    assert instants(report, "mm.note")[0].args == {"text": "caf??"}


def test_a_trigger_is_an_instant_of_the_thread_that_set_it_off(tmp_path: Path) -> None:
    capture = begin(stage())
    capture.emit(0, 10000, "trace.trigger", action="stop", event=43, trigger=2, hits=1, ns=0)
    instant = instants(report := convert(tmp_path, capture.finish()), "trace.trigger")[0]
    assert instant.time == 10000 and report.tracks[instant.track].tid == CLIENT
    assert instant.args["action"] == "stop" and instant.args["trigger"] == 2


def test_a_probe_is_called_after_its_place_and_its_values_by_name(tmp_path: Path) -> None:
    capture = begin(stage())
    capture.emit(0, 9000, "probe.hit", probe=3, thread=CLIENT, a=1, b=0, c=0, d=0)
    capture.emit(0, 9500, "probe.define", probe=3, address=0xFFFFFFFF80001234, text="sys_mailbox_call+0x4 handle label")
    capture.emit(0, 10000, "probe.hit", probe=3, thread=CLIENT, a=0x55, b=7, c=0, d=0)
    report = convert(tmp_path, capture.finish())
    assert instants(report, "probe.hit")[0].time == 9000
    hit = instants(report, "sys_mailbox_call+0x4")[0]
    assert hit.time == 10000 and report.tracks[hit.track].tid == CLIENT and hit.category == "probe"
    assert hit.args == {"handle": 0x55, "label": 7}


def test_a_pair_becomes_a_slice(tmp_path: Path, schema: str) -> None:
    capture = begin(stage(schema=schema))
    capture.emit(0, 9000, "mm.flush.end", cores=1)  # it began before the capture
    capture.emit(0, 10000, "syscall.enter", number=19, arg0=0)
    capture.emit(0, 10100, "mm.flush.begin", address=0x400000)
    capture.emit(0, 10200, "mm.flush.end", cores=4)
    capture.emit(0, 10300, "syscall.exit", status=0)
    report = convert(tmp_path, capture.finish())
    flush = named(report, "mm.flush")
    assert [(item.begin, item.end, item.depth) for item in flush] == [(10100, 10200, 1)]
    assert flush[0].args == {"address": 0x400000} and flush[0].end_args == {"cores": 4}
    assert [item.name for item in on_track(report, "main")] == ["area_map", "mm.flush"]


def test_thousands_of_series_are_bounded(tmp_path: Path, schema: str) -> None:
    many = schema.replace("field cpu 0 14 8 cpu\nfield depth", "field cpu 1 32 32 object\nfield depth")
    capture = begin(stage(schema=many))
    for number in range(5000):
        capture.write(1, 10000 + number, 500, [number << 32 | 1])
    report = convert(tmp_path, capture.finish())
    assert len([name for name in curves(report) if name.startswith("depth ")]) == 4096
