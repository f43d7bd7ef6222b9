# SPDX-License-Identifier: MIT
"""spoor-trace check: every rule is broken once on purpose, and captures with holes are not blamed for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from capture_writer import NMI, Capture
from test_convert import ALL, CLIENT, MAILBOX, OTHER, SCHED, SERVER, begin, play_call, stage, start_server
from trace_tools import spoor_json, spoor_trace, synth


def check(folder: Path, data: bytes, code: int | None = None) -> Any:
    path = folder / "checked.spoor"
    path.write_bytes(data)
    return spoor_json("check", path, code=code)


def rules_of(result: Any) -> dict[str, int]:
    return {rule["rule"]: rule["count"] for rule in result["rules"]}


def notes_of(result: Any) -> set[str]:
    return {note["rule"] for note in result["notes"]}


def test_a_good_capture(tmp_path: Path) -> None:
    capture = begin(stage())
    start_server(capture)
    play_call(capture)
    result = check(tmp_path, capture.finish(), code=0)
    assert result["findings"] == 0 and result["calls"] == {"all": 1, "whole": 1, "failed": 0, "open": 0}
    assert (result["switches"], result["syscalls"]) == (4, 3)
    for lane in result["lanes"]:
        assert lane["emitted"] == lane["before"] + lane["delivered"] + lane["missing"] + lane["not_sent"]


Play = Callable[[Capture], None]


def wrong_prev(capture: Capture) -> None:
    capture.switch(0, 10000, OTHER, SERVER)


def two_cores(capture: Capture) -> None:
    capture.switch(0, 10000, CLIENT, OTHER)
    capture.switch(1, 11000, 0, OTHER)


def runs_dead(capture: Capture) -> None:
    capture.switch(0, 10000, CLIENT, OTHER, "dead")
    capture.switch(0, 11000, OTHER, CLIENT)


def clocks_differ(capture: Capture) -> None:
    capture.emit(0, 10000, "trace.offset", cpu=1, ahead=1, at_least=0, at_most=90)
    capture.emit(0, 11000, "trace.offset", cpu=1, ahead=1, at_least=1, at_most=90)


def runs_asleep(capture: Capture) -> None:
    """The first time it has been woken, before it had left its core; the second time another core's clock is behind."""
    capture.wake(1, 9000, CLIENT)
    capture.switch(0, 10000, CLIENT, OTHER, "receive")
    capture.switch(0, 11000, OTHER, CLIENT)
    capture.switch(0, 12000, CLIENT, OTHER, "receive")
    capture.switch(0, 13000, OTHER, CLIENT)
    capture.wake(1, 13001, CLIENT)


def enters_twice(capture: Capture) -> None:
    capture.emit(0, 10000, "syscall.enter", number=0, arg0=0)
    capture.emit(0, 11000, "syscall.enter", number=0, arg0=0)


def leaves_twice(capture: Capture) -> None:
    capture.emit(0, 10000, "syscall.exit", status=0)
    capture.emit(0, 11000, "syscall.exit", status=0)


def idle_calls(capture: Capture) -> None:
    capture.emit(1, 10000, "syscall.enter", number=0, arg0=0)


def crossed_irqs(capture: Capture) -> None:
    for time, name, vector in ((10, "enter", 0x30), (20, "enter", 0x31), (30, "exit", 0x30)):
        capture.emit(0, 10000 + time, f"irq.{name}", vector=vector)


def irq_without_begin(capture: Capture) -> None:
    capture.emit(0, 10000, "irq.enter", vector=0x30)
    capture.emit(0, 10010, "irq.exit", vector=0x30)
    capture.emit(0, 10020, "irq.exit", vector=0x30)


def fault_without_begin(capture: Capture) -> None:
    capture.emit(0, 10000, "fault.enter", error=0, address=0, ip=0)
    capture.emit(0, 10010, "fault.exit", outcome="mapped")
    capture.emit(0, 10020, "fault.exit", outcome="mapped")


def stops_twice(capture: Capture) -> None:
    for time in (10000, 11000):
        capture.emit(0, time, "kdebug.enter", lane=NMI, reason="break")


def call(capture: Capture, time: int, number: int = 1, flags: int = 0) -> None:
    capture.emit(0, time, "ipc.call", flags=flags, call=number, mailbox=MAILBOX, label=0)


def receive(capture: Capture, time: int, number: int = 1) -> None:
    capture.emit(0, time, "ipc.receive", call=number, badge=0, mailbox=MAILBOX, label=0)


def reply(capture: Capture, time: int, number: int = 1) -> None:
    capture.emit(0, time, "ipc.reply", flags=0, call=number)


def comes_back(capture: Capture, time: int, number: int = 1, status: int = 0) -> None:
    capture.emit(0, time, "ipc.return", status=status, call=number)


def received_before_call(capture: Capture) -> None:
    receive(capture, 10000)
    call(capture, 11000)


def replied_before_receive(capture: Capture) -> None:
    call(capture, 10000)
    reply(capture, 11000)


def returned_before_reply(capture: Capture) -> None:
    call(capture, 10000)
    receive(capture, 11000)
    comes_back(capture, 12000)


def returned_unserved(capture: Capture) -> None:
    call(capture, 10000, 1)
    receive(capture, 11000, 1)
    reply(capture, 12000, 1)
    comes_back(capture, 13000, 1)
    call(capture, 14000, 2)
    comes_back(capture, 15000, 2)


def answered_twice(capture: Capture) -> None:
    call(capture, 10000)
    receive(capture, 11000)
    reply(capture, 12000)
    reply(capture, 13000)


def calls_inside_call(capture: Capture) -> None:
    call(capture, 10000, 1)
    call(capture, 11000, 2)


def returns_without_call(capture: Capture) -> None:
    call(capture, 10000, 1)
    comes_back(capture, 11000, 1, -9)
    comes_back(capture, 12000, 2)


def someone_else_returns(capture: Capture) -> None:
    call(capture, 10000)
    capture.switch(0, 11000, CLIENT, OTHER, "call")
    comes_back(capture, 12000, 1, -9)


BREACHES: list[tuple[str, Play]] = [
    ("switch", wrong_prev), ("switch", two_cores), ("switch", runs_dead), ("clock", clocks_differ),
    ("switch", runs_asleep), ("syscall", enters_twice),
    ("syscall", leaves_twice), ("syscall", idle_calls), ("irq", crossed_irqs), ("irq", irq_without_begin),
    ("fault", fault_without_begin), ("kdebug", stops_twice), ("ipc", received_before_call),
    ("ipc", replied_before_receive), ("ipc", returned_before_reply), ("ipc", returned_unserved),
    ("ipc", answered_twice), ("ipc", calls_inside_call), ("ipc", returns_without_call), ("ipc", someone_else_returns),
]


@pytest.mark.parametrize(("rule", "play"), BREACHES, ids=lambda value: getattr(value, "__name__", value))
def test_each_rule_is_checked(tmp_path: Path, rule: str, play: Play) -> None:
    capture = begin(stage(cpus=2))
    play(capture)
    assert rules_of(check(tmp_path, capture.finish(), code=1)) == {rule: 1}


@pytest.mark.parametrize(("rule", "play"), BREACHES[4:], ids=lambda value: getattr(value, "__name__", value))
def test_a_hole_excuses_what_it_may_have_swallowed(tmp_path: Path, rule: str, play: Play) -> None:
    """The same stories with a hole on the same core in the middle of each."""
    capture = begin(stage(cpus=2))

    def emit_with_hole(cpu: int, tsc: int, event_name: str, lane: int, values: dict[str, Any]) -> None:
        capture.emit_record(cpu, tsc, event_name, lane, values)
        index = 1 + 2 * cpu + (lane == NMI)
        capture.next_subbuf(index)
        capture.lanes[index].drop_next = True
        capture.emit_record(cpu, tsc + 1, "trace.sync", lane, {"tsc": tsc + 1})
        capture.next_subbuf(index)
        capture.emit_record(cpu, tsc + 2, "trace.sync", lane, {"tsc": tsc + 2})

    capture.on_emit = emit_with_hole
    play(capture)
    result = check(tmp_path, capture.finish())
    if play is not idle_calls:
        assert rules_of(result) == {}, result["rules"]
    assert "loss" in notes_of(result)


def test_mailbox_whose_server_is_never_seen(tmp_path: Path) -> None:
    """A server that is exempt because it consumes the trace makes no events: that is no fault of the capture."""
    capture = begin(stage())
    call(capture, 10000)
    comes_back(capture, 11000)
    assert rules_of(check(tmp_path, capture.finish(), code=0)) == {}


def test_who_waits_for_no_reply_may_return_before_it_is_received(tmp_path: Path) -> None:
    """The receiver waited already, so the message is on its way; then each of its steps is checked as others are."""
    capture = begin(stage())
    for number in (1, 2):
        call(capture, number * 10000, number, flags=8)
        comes_back(capture, number * 10000 + 1000, number)
        receive(capture, number * 10000 + 2000, number)
        reply(capture, number * 10000 + 3000, number)
    result = check(tmp_path, capture.finish(), code=0)
    assert rules_of(result) == {} and "orphan" not in notes_of(result)
    capture = begin(stage())
    call(capture, 10000, flags=8)
    comes_back(capture, 11000)
    receive(capture, 12000)
    receive(capture, 13000)
    assert rules_of(check(tmp_path, capture.finish(), code=1)) == {"ipc": 1}


def test_while_sched_is_off_nothing_depends_on_who_runs(tmp_path: Path) -> None:
    capture = begin(stage())
    start = 1_000_000_000
    capture.emit(0, start, "syscall.enter", number=0, arg0=0)
    capture.emit(0, start + 1, "trace.switched", mask=ALL & ~SCHED)
    capture.emit(0, start + 2, "syscall.enter", number=0, arg0=0)
    capture.emit(0, start + 3, "syscall.exit", status=0)
    capture.emit(0, start + 4, "syscall.exit", status=0)
    capture.emit(0, start + 5, "trace.switched", mask=ALL)
    capture.switch(0, start + 6, OTHER, CLIENT)
    assert rules_of(check(tmp_path, capture.finish(), code=0)) == {}


def test_a_switch_just_before_sched_is_off_says_nothing_later(tmp_path: Path) -> None:
    """The record comes after the sites were patched: in between threads take turns unseen."""
    capture = begin(stage())
    start = 1_000_000_000
    capture.switch(0, start, CLIENT, OTHER)
    capture.emit(0, start + 1, "syscall.enter", number=0, arg0=0)  # of whom, nobody knows
    capture.emit(0, start + 2, "syscall.exit", status=0)
    capture.emit(0, start + 3, "syscall.exit", status=0)
    capture.emit(0, start + 4, "trace.switched", mask=ALL & ~SCHED)
    assert rules_of(check(tmp_path, capture.finish(), code=0)) == {}


def test_emitted_is_delivered_plus_lost(tmp_path: Path) -> None:
    capture = begin(stage())
    for index in range(3000):
        capture.emit(0, 6000 + index, "user.mark", id=1, value=index)
        if index in (800, 1600):
            capture.lanes[1].drop_next = True
    result = check(tmp_path, capture.finish(), code=0)
    lane = next(lane for lane in result["lanes"] if lane["name"] == "cpu 0")
    assert lane["emitted"] == 3001 and lane["missing"] > 1000 and lane["delivered"] + lane["missing"] == 3001
    assert "loss" in notes_of(result)


def test_a_core_of_which_nothing_is_left(tmp_path: Path) -> None:
    """Each sub-buffer was overwritten while it was sent: nobody knows who was woken there."""
    capture = begin(stage(cpus=2))
    capture.switch(0, 10000, CLIENT, OTHER, "receive")
    capture.wake(1, 10500, CLIENT)
    capture.switch(0, 11000, OTHER, CLIENT)
    lane = capture.lanes[3]
    capture.verdict(capture.send(3))
    lane.data = bytearray()
    result = check(tmp_path, capture.finish(), code=0)
    core = next(row for row in result["lanes"] if row["name"] == "cpu 1")
    assert rules_of(result) == {} and core["emitted"] == core["not_sent"] == lane.events > 0


def test_status_that_counts_fewer_events_than_were_sent(tmp_path: Path) -> None:
    capture = begin(stage())
    capture.emit(0, 6000, "user.mark", id=1, value=1)
    capture.send(1)
    capture.lanes[1].events -= 1
    capture.lanes[1].data = bytearray()
    assert rules_of(check(tmp_path, capture.finish(), code=1)) == {"conservation": 1}


def test_losses_that_the_recorder_counts_must_cover_those_it_reports(tmp_path: Path) -> None:
    for counted, expected in ((7, {}), (6, {"conservation": 1})):
        capture = begin(stage())
        capture.lanes[1].lost[0] = counted
        capture.emit(0, 6000, "trace.lost", cause=0, count=7, first_tsc=5000, last_tsc=5500)
        assert rules_of(check(tmp_path, capture.finish())) == expected


def test_damage_is_a_finding(tmp_path: Path) -> None:
    capture = begin(stage())
    play_call(capture)
    data = bytearray(capture.finish())
    data[-200] ^= 1
    assert "block-damaged" in rules_of(check(tmp_path, bytes(data), code=1))
    cut = rules_of(check(tmp_path, capture_bytes(cut=10), code=1))
    assert set(cut) == {"file-cut", "block-damaged"}


def test_what_a_line_said_before_the_first_block_is_no_damage(tmp_path: Path) -> None:
    """The firmware prints its screen on COM2. But a START block that is spoilt is not such noise."""
    screen = b"\x1b[2J\x1b[01;01HConnect - Handle [34] Result Success.\r\n" * 50
    result = check(tmp_path, screen + capture_bytes(), code=0)
    assert rules_of(result) == {} and "noise" in notes_of(result)
    spoilt = bytearray(capture_bytes() + capture_bytes())
    spoilt[40] ^= 1
    assert "block-damaged" in rules_of(check(tmp_path, bytes(spoilt), code=1))


def capture_bytes(cut: int = 0) -> bytes:
    capture = begin(stage())
    play_call(capture)
    data = capture.finish()
    return data[:len(data) - cut]


@pytest.mark.parametrize("cpus", [1, 3, 8])
def test_synthetic_workloads_have_no_findings(tmp_path: Path, cpus: int) -> None:
    result = spoor_json("check", synth(tmp_path / "work.spoor", "--cpus", str(cpus), "--events", "20000"))
    assert result["findings"] == 0 and result["calls"]["whole"] == result["calls"]["all"] > 0


def test_text_output_names_each_finding(tmp_path: Path) -> None:
    capture = begin(stage(cpus=2))
    wrong_prev(capture)
    path = tmp_path / "wrong.spoor"
    path.write_bytes(capture.finish())
    text = spoor_trace("check", path, code=1).stdout.decode()
    assert f"switch: 0.000005000 cpu 0: switch away from thread {OTHER}, but thread {CLIENT} ran" in text
    assert "1 findings" in text
    assert spoor_trace("check", "--quiet", path, code=1).stdout.decode().count("\n") == 1
