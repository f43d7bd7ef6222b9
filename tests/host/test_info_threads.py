# SPDX-License-Identifier: MIT
"""What tools/bench counts as an error of `info threads`, and what its client of the stub takes for one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"
sys.path[:0] = [str(TOOLS), str(TOOLS / "bench")]

import info_threads  # noqa: E402
import qemu.gdb_client as gdb_client  # noqa: E402
from info_threads import THREADS, check_list, check_said  # noqa: E402
from qemu.gdb_client import GdbClient, GdbFailure, ThreadRow  # noqa: E402
from spoorlib.gdb_split import packet  # noqa: E402

CORES = 2
GOOD = [ThreadRow(f"p1.{0x100000 + core:x}", f"kernel/idle of core {core}", f"running on core {core}", core)
        for core in range(CORES)]
GOOD += [ThreadRow(f"p1.{number + 5:x}", f"crowd/stand {number}", "receive", None) for number in range(THREADS)]
ROW = '  {}  Thread 1.{} "crowd/stand {}" (receive)   this_cpu () at kernel/arch/cpu.h:76\n'
SAID = "".join(ROW.format(number + 1, number + 5, number) for number in range(THREADS))


@pytest.mark.parametrize("spoil", [
    lambda rows: rows[:-1],
    lambda rows: rows + rows[-1:],
    lambda rows: rows[:-1] + [replace(rows[-1], id="p1.5")],
    lambda rows: rows[:-1] + [replace(rows[-1], name="crowd/stand 7")],
    lambda rows: rows + [ThreadRow("p1.7777", "crowd/stand 7777", "receive", None)],
    lambda rows: rows[:-1] + [replace(rows[-1], state="")],
    lambda rows: rows[1:],
    lambda rows: rows[:-1] + [replace(rows[-1], core=0)],
])
def test_a_list_that_is_wrong(spoil: Callable[[list[ThreadRow]], list[ThreadRow]]) -> None:
    assert not check_list(GOOD, CORES)
    assert check_list(spoil(list(GOOD)), CORES)


@pytest.mark.parametrize(("old", "new"), [
    ('"crowd/stand 499"', '"crowd/stand 49"'), ('"crowd/stand 250" (receive)', '"crowd/stand 250"'),
    ("this_cpu () at", "??"),
    ("kernel/arch/cpu.h:76\n", "kernel/arch/cpu.h:76\nwarning: unrecognized item\n")])
def test_what_gdb_says_that_is_wrong(old: str, new: str) -> None:
    assert not check_said(SAID)
    assert check_said(SAID.replace(old, new, 1))


class FakeMachine:
    """Answers a packet with these bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def on_serial(self, take: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        self._take = take

    def send(self, data: bytes) -> None:
        self._take(self._answer)


def client(answer: bytes) -> GdbClient:
    return GdbClient(FakeMachine(answer))


def test_runs_and_escaped_bytes() -> None:
    assert client(packet(b"0* 1x*\"")).ask(b"g") == b"00001xxxxxx"
    assert client(packet(b"l<a>}\x03}\x0a</a>")).document("threads") == b"<a>#*</a>"


@pytest.mark.parametrize(("answer", "kind"), [
    (packet(b"E01"), "refused"), (b"$OK#00", "damaged"), (b"log line\n", "silence"), (b"$OK#9", "silence")])
def test_answers_that_count_as_errors(answer: bytes, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gdb_client, "ANSWER_SECONDS", 0.01)
    with pytest.raises(GdbFailure) as failure:
        client(answer).ask(b"g")
    assert failure.value.kind == kind


def test_lists_that_do_not_end_or_are_none() -> None:
    with pytest.raises(GdbFailure):
        client(packet(b"l<threads>")).threads()
    with pytest.raises(GdbFailure):
        client(packet(b"OK")).plain_threads()
    with pytest.raises(GdbFailure):
        client(packet(b"nonsense")).registers("p1.1")


def test_bytes_between_marks_are_without_them() -> None:
    line = info_threads.Line.__new__(info_threads.Line)
    line.marks = [100, 160, 260, 400]
    assert info_threads.bytes_between(line) == [40, 80]
