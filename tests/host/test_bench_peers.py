# SPDX-License-Identifier: MIT
"""tools/bench/peers.py: the comparison runs, and the trace it writes for babeltrace2 is one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "bench"))

import ctf  # noqa: E402

EVENTS = 25_000


def test_every_event_is_written(tmp_path: Path) -> None:
    ctf.write(tmp_path, EVENTS)
    data = (tmp_path / "stream_0").read_bytes()
    times = []
    while data:
        begin, end, bits, room, lost = ctf.CONTEXT.unpack_from(data, ctf.HEADER.size)
        assert bits == room and lost == 0
        events = list(ctf.EVENT.iter_unpack(data[ctf.HEADER.size + ctf.CONTEXT.size:bits // 8]))
        assert (events[0][1], events[-1][1]) == (begin, end)
        assert all(before[4] == after[2] for before, after in zip(events, events[1:]))  # who comes is who goes next
        times += [event[1] for event in events]
        data = data[bits // 8:]
    assert times == list(range(0, EVENTS * 1000, 1000))


@pytest.mark.parametrize("others", [pytest.param(True, marks=pytest.mark.skipif(
    not shutil.which("babeltrace2"), reason="babeltrace2 is not installed")), False])
def test_the_comparison(tmp_path: Path, others: bool) -> None:
    """Who is not installed is left out, and said to be."""
    (tmp_path / "tools").symlink_to(Path(os.environ.get("BUILD", ROOT / "build")).resolve() / "tools")
    environment = os.environ | {"BUILD": str(tmp_path)} | ({} if others else {"PATH": ""})
    done = subprocess.run([sys.executable, ROOT / "tools" / "bench" / "peers.py", "--events", str(EVENTS)],
                          capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    readings = json.loads((tmp_path / "bench-peers.json").read_text())
    assert {reading["tool"] for reading in readings} == {"spoor-trace"} | ({"babeltrace2"} if others else set())
    assert all(reading["events"] >= EVENTS and reading["rate"] > 0 for reading in readings)
    assert ("babeltrace2 is not installed" in done.stderr) != others and "trace-cmd is left out" in done.stderr
