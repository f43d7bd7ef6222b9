# SPDX-License-Identifier: MIT
"""Calls of traced functions on the timeline: matched by their place on the kernel stack, whoever runs."""

from __future__ import annotations

from pathlib import Path

from capture_writer import Capture
from perfetto_check import Report
from test_convert import CLIENT, SERVER, begin, on_track, stage
from trace_tools import convert

STACK = 0x5C000  # of the client; a slot of 16 KiB
OUTER, INNER = 0x80030000, 0x80031000


def enter(capture: Capture, time: int, function: int, place: int, cpu: int = 0) -> None:
    capture.emit(cpu, time, "function.enter", function=function, stack=STACK + place)


def leave(capture: Capture, time: int, function: int, place: int, cpu: int = 0) -> None:
    capture.emit(cpu, time, "function.exit", function=function, stack=STACK + place)


def calls(report: Report) -> list[tuple[str, int, int | None, int]]:
    return [(item.name[-5:], item.begin, item.end, item.depth) for item in on_track(report, "functions")]


def test_calls_nest(tmp_path: Path) -> None:
    capture = begin(stage())
    enter(capture, 10000, OUTER, 0xF00)
    enter(capture, 11000, INNER, 0xE00)
    leave(capture, 12000, INNER, 0xE00)
    enter(capture, 13000, INNER, 0xE00)
    leave(capture, 14000, INNER, 0xE00)
    leave(capture, 15000, OUTER, 0xF00)
    report = convert(tmp_path, capture.finish())
    assert calls(report) == [("30000", 10000, 15000, 0), ("31000", 11000, 12000, 1), ("31000", 13000, 14000, 1)]
    assert on_track(report, "functions")[0].name == "0xffffffff80030000"


def test_a_call_that_never_returned_ends_with_the_next_at_its_place(tmp_path: Path) -> None:
    capture = begin(stage())
    enter(capture, 10000, OUTER, 0xF00)
    enter(capture, 11000, INNER, 0xE00)  # leaves its stack for good
    enter(capture, 20000, OUTER, 0xF00)
    leave(capture, 21000, OUTER, 0xF00)
    report = convert(tmp_path, capture.finish())
    # No two times of a trace are equal.
    assert calls(report) == [("30000", 10000, 20001, 0), ("31000", 11000, 20000, 1), ("30000", 20002, 21000, 0)]


def test_a_call_may_return_while_another_thread_runs(tmp_path: Path) -> None:
    capture = begin(stage())
    enter(capture, 10000, OUTER, 0xF00)
    capture.switch(0, 11000, CLIENT, SERVER, "reply")
    leave(capture, 12000, OUTER, 0xF00)
    enter(capture, 13000, INNER, 0x4F00)  # on the server's own stack
    leave(capture, 14000, INNER, 0x4F00)
    report = convert(tmp_path, capture.finish())
    assert calls(report) == [("30000", 10000, 12000, 0), ("31000", 13000, 14000, 0)]
    tracks = {item.track for item in on_track(report, "functions")}
    assert len(tracks) == 2


def test_a_stack_goes_to_another_thread(tmp_path: Path) -> None:
    capture = begin(stage())
    enter(capture, 10000, OUTER, 0xF00)
    capture.switch(0, 11000, CLIENT, SERVER, "dead")
    enter(capture, 13000, INNER, 0xF80)
    leave(capture, 14000, INNER, 0xF80)
    report = convert(tmp_path, capture.finish())
    first, second = on_track(report, "functions")
    assert first.track != second.track and (first.end, second.begin, second.end) == (13000, 13001, 14000)


def test_an_end_without_a_beginning_is_not_shown(tmp_path: Path) -> None:
    capture = begin(stage())
    leave(capture, 10000, OUTER, 0xF00)
    enter(capture, 11000, INNER, 0xE00)
    leave(capture, 12000, OUTER, 0xF00)  # closes what is deeper
    report = convert(tmp_path, capture.finish())
    assert calls(report) == [("31000", 11000, 12000, 0)]
