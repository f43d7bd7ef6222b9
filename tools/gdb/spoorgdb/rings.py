# SPDX-License-Identifier: MIT
"""The trace rings: how full they are, and their region as a file, which spoor-trace reads (trace/ring/layout.h)."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import gdb

CAUSES = 4  # TRACE_LOST_CAUSES
TOOLS = Path(__file__).resolve().parents[2]


def region() -> gdb.Value:
    """struct trace_region. GdbError: the kernel has none."""
    pointer = gdb.parse_and_eval("'trace/ring/ring.c'::region")
    if int(pointer) == 0:
        raise gdb.GdbError("the kernel has no trace region (yet)")
    return pointer.dereference()


def lanes() -> Iterator[tuple[gdb.Value, gdb.Value]]:
    """(struct trace_lane_place, struct trace_lane) of every lane."""
    head = region()
    base = int(head.address)
    lane_type = gdb.lookup_type("struct trace_lane").pointer()
    for number in range(int(head["lane_count"])):
        place = head["lane"][number]
        yield place, gdb.Value(base + int(place["control_offset"])).cast(lane_type).dereference()


def lost(lane: gdb.Value) -> int:
    """Events that were not written, over all causes."""
    return sum(int(lane["lost"][cause]) for cause in range(CAUSES))


def save(path: Path) -> int:
    """Write the region to a file; returns its bytes."""
    head = region()
    count, step = int(head["bytes"]), 1 << 20
    inferior = gdb.selected_inferior()
    with path.open("wb") as file:
        for offset in range(0, count, step):
            file.write(inferior.read_memory(int(head.address) + offset, min(step, count - offset)).tobytes())
    return count


def newest(count: int, words: list[str]) -> list[str]:
    """The newest events as lines, by spoor dump; words go to it."""
    with tempfile.TemporaryDirectory(prefix="spoor-gdb-") as folder:
        image = Path(folder) / "region"
        save(image)
        done = subprocess.run([str(TOOLS / "spoor"), "dump", *words, str(image)], capture_output=True, text=True)
        if done.returncode > 1:
            raise gdb.GdbError(done.stderr.strip())
        return done.stdout.splitlines()[-count:]
