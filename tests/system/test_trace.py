# SPDX-License-Identifier: MIT
"""The recorder in the running system: switching events, filters."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from conftest import TRACE_ENDED, BootFunction, wait_all_done

from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine
from qemu.paths import trace_tool
from spoorlib import armour
from spoorlib.capture_format import MAGIC, TYPE_END, read_blocks

FILL_SECONDS = 60
SMALL_KIB = 1024  # larger rings are not filled here
SWITCH = re.compile(r"sched\.thread\.switch state=(\w+) .*next=(\d+)")


def test_a_filter_keeps_what_matches_and_nothing_else(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=2000 tracer=0")
    machine.expect("^init: workload", 60)
    with machine.at_prompt() as kdebug:
        answer = kdebug.command("trace filter sched.thread.switch next == 0 and state == receive or state == dead")
        assert "from the end of the stop" in answer
    assert wait_all_done(machine, 120) == (1, 0)
    with machine.at_prompt() as kdebug:
        events = kdebug.command("trace last 1000 sched.thread.switch")
        switched = kdebug.command("trace last 1 trace.switched")
        listed = kdebug.command("trace filter")
    # trace.switched marks where the filter began to hold.
    began = float(switched.split()[0])
    after = [found.groups() for line in events.splitlines() if float(line.split()[0]) > began
             and (found := SWITCH.search(line))]
    assert len(after) > 10
    assert all(state == "dead" or (state == "receive" and thread == "0") for state, thread in after), after
    counts = re.search(r"next == 0 and state == receive or state == dead +passed (\d+), refused (\d+)", listed)
    assert counts and int(counts[1]) >= len(after) and int(counts[2]) > 0, listed


def test_a_filter_that_makes_no_sense_is_refused(boot: BootFunction) -> None:
    machine = boot(cpus=1, cmdline="workload=none")
    wait_all_done(machine)
    with machine.at_prompt() as kdebug:
        for line, message in [("no.such.event a == 1", "no such event"), ("irq.enter line == 1", "no such field"),
                              ("irq.enter vector = 1", "expected =="), ("irq.enter vector == 999", "does not fit"),
                              ("irq.enter vector == 1 nor", "expected 'and' or 'or'"),
                              ("life.thread.exit thread == 1", "meta lane")]:
            assert message in kdebug.command(f"trace filter {line}"), line
        assert "passed" not in kdebug.command("trace filter")


def test_events_are_counted_in_place_of_being_written(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=2000 tracer=0")
    machine.expect("^init: workload", 60)
    with machine.at_prompt() as kdebug:
        assert "no such field" in kdebug.command("trace count ipc.copy by nothing")
        kdebug.command("trace count ipc.copy by status of bytes")
        kdebug.command("trace count syscall.enter by number if number != 0")
    assert wait_all_done(machine, 120) == (1, 0)
    with machine.at_prompt() as kdebug:
        shown = dict(re.findall(r"^([\w.]+):(.*?left out \d+)$", kdebug.command("trace count"), re.M | re.S))
        passed = {name: int(count) for name, count in
                  re.findall(r"^([\w.]+):.* passed (\d+), refused \d+, counted", kdebug.command("trace filter"), re.M)}
        began = float(kdebug.command("trace last 1 trace.switched").split()[0])
        written = [line for line in kdebug.command("trace last 1 ipc.copy").splitlines()
                   if float(line.split()[0]) > began]
    assert written == [] and set(shown) == set(passed) == {"ipc.copy", "syscall.enter"}
    copies = shown["ipc.copy"]
    sizes = re.search(r"status 0 count (\d+), bytes: sum (\d+) least (\d+) mean \d+ greatest (\d+)", copies)
    assert sizes and int(sizes[1]) * int(sizes[3]) <= int(sizes[2]) <= int(sizes[1]) * int(sizes[4]), copies
    for name, text in shown.items():
        counts = [int(count) for count in re.findall(r" count (\d+)", text)]
        left_out = re.search(r"left out (\d+)", text)
        assert left_out and sum(counts) + int(left_out[1]) == passed[name] > 0, (name, text)
    buckets = [int(count) for count in re.findall(r"^ *\d+\.\. +(\d+) #", copies, re.M)]
    assert sum(buckets) == sum(int(count) for count in re.findall(r" count (\d+)", copies))


def test_events_are_switched_at_boot_and_at_the_prompt(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=2000 tracer=0 trace=irq.enter,ipc,-ipc.detour,nonsense")
    machine.expect("trace=nonsense: no such category or event", 30)
    machine.expect("^init: workload", 60)
    with machine.at_prompt() as kdebug:
        assert re.search(r"^on: sched irq.enter ipc.call ipc.receive .*life trace$", kdebug.command("trace"), re.M)
        assert re.search(r"^off ipc.detour +ipc$", kdebug.command("trace events ipc"), re.M)
        assert "no such event" in kdebug.command("trace on irq.ent")
        kdebug.command("trace off ipc.call irq")
        assert "on after the stop: sched ipc.receive" in kdebug.command("trace on timer.fire")
    assert wait_all_done(machine, 120) == (1, 0)
    with machine.at_prompt() as kdebug:
        changes = [line.split()[0] for line in kdebug.command("trace last 9 trace.switched").splitlines()]
        newest = {name: float(line.split()[0]) for name in ("irq.enter", "ipc.call", "ipc.receive")
                  for line in kdebug.command(f"trace last 1 {name}").splitlines()}
        assert kdebug.command("trace last 1 ipc.detour").strip() == ""
        assert kdebug.command("trace last 1 irq.exit").strip() == ""
    assert len(changes) == 2  # at boot and at the prompt, each in one batch
    assert max(newest["irq.enter"], newest.get("ipc.call", 0.0)) <= float(changes[1]) < newest["ipc.receive"]


def test_counts_are_read_while_events_go_on(boot: BootFunction) -> None:
    """By a system call; the program knows what must come out."""
    machine = boot(cpus=2, cmdline="workload=counting:marks=20000 tracer=0")
    assert wait_all_done(machine, 120) == (1, 0)
    with machine.at_prompt() as kdebug:
        assert "user.mark" not in kdebug.command("trace count")


LANE = re.compile(r"^ +\d+  normal +\d+ +(\d+) +(\d+) +(\d+) +\d+ +[\w.-]+ +(\d+) ", re.M)


def rings_of(kdebug: KdebugPrompt) -> list[tuple[int, ...]]:
    """KiB, position, events and events refused of each core."""
    return [tuple(map(int, row)) for row in LANE.findall(kdebug.command("trace"))]


def make_rings(machine: Machine, wish: str, kib: int) -> None:
    """At the prompt; until they are there, and one of them has been filled."""
    with machine.at_prompt() as kdebug:
        before = rings_of(kdebug)
        kdebug.command(f"trace rings {wish}")
    limit = time.monotonic() + FILL_SECONDS
    while True:
        with machine.at_prompt() as kdebug:
            now = rings_of(kdebug)
        written = max(new[1] - old[1] for new, old in zip(now, before))
        refused = max(ring[3] for ring in now)
        is_full = refused > 0 if "oldest" in wish else written > 2 * kib * 1024 or kib > SMALL_KIB
        if is_full and all(ring[0] == kib for ring in now):
            return
        assert time.monotonic() < limit, now


def test_rings_are_made_anew(boot: BootFunction, tmp_path: Path) -> None:
    """Under load and before the eyes of the tracer: smaller, keeping the oldest, and as large as there is room for."""
    stream = tmp_path / "stream.spoor"
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=1000000 trace_size=16M", capture=stream)
    machine.expect("^init: workload", 60)
    with machine.at_prompt() as kdebug:
        first = rings_of(kdebug)
        assert "2^n bytes" in kdebug.command("trace rings 0x30000")
    most = first[0][0]
    make_rings(machine, "0x10000", 64)
    make_rings(machine, "0x20000 oldest", 128)
    make_rings(machine, "most", most)
    with machine.at_prompt() as kdebug:
        assert "check: 0 broken" in kdebug.command("check")
    machine.capture_command("stop")
    wait_for_end(stream)
    done = subprocess.run([str(trace_tool()), "check", str(stream)], capture_output=True, text=True)
    assert done.returncode == 0 and "no findings" in done.stdout, done.stdout + done.stderr


def wait_until_larger(stream: Path, by: int) -> None:
    wanted = stream.stat().st_size + by
    limit = time.monotonic() + FILL_SECONDS
    while stream.stat().st_size < wanted:
        assert time.monotonic() < limit
        time.sleep(0.05)


def wait_for_end(stream: Path, behind: int = 0) -> bytes:
    """The session that begins there in the file, once it is whole."""
    limit = time.monotonic() + FILL_SECONDS
    while True:
        data = stream.read_bytes()[behind:]
        with contextlib.suppress(ValueError):  # in the middle of a block
            begin = max(data.find(MAGIC.to_bytes(4, "little")), 0)  # the firmware prints, too
            blocks = list(read_blocks(data[begin:]))
            if blocks and blocks[-1].type == TYPE_END:
                return data
        assert time.monotonic() < limit
        time.sleep(0.1)


def check_exact(target: Path, data: bytes) -> dict[str, int]:
    """Of all lanes together: what was emitted, and where that is. The checker finds that it adds up in each."""
    target.write_bytes(data)
    done = subprocess.run([str(trace_tool()), "check", "--json", str(target)], capture_output=True, text=True)
    result = json.loads(done.stdout)
    assert result["findings"] == 0, done.stdout
    for lane in result["lanes"]:
        assert lane["emitted"] == lane["before"] + lane["delivered"] + lane["missing"] + lane["not_sent"], lane
    return {key: sum(lane[key] for lane in result["lanes"]) for key in ("before", "delivered", "missing", "not_sent")}


def dump_rings(machine: Machine, target: Path) -> dict[str, int]:
    """The debugger reads what the tracer is just reading."""
    with machine.at_prompt() as kdebug:
        dump, = armour.find_dumps(kdebug.command("trace dump", 180))
    return check_exact(target, dump.data)


def switch_sched(machine: Machine, way: str) -> None:
    """At the prompt, and until it is done: from the end of the stop."""
    with machine.at_prompt() as kdebug:
        assert "after the stop" in kdebug.command(f"trace {way} sched")
    limit = time.monotonic() + FILL_SECONDS
    is_on = None
    while is_on != (way == "on"):
        with machine.at_prompt() as kdebug:
            is_on = re.search(r"^on: .*\bsched\b", kdebug.command("trace"), re.M) is not None
        assert time.monotonic() < limit


def test_two_consumers_of_which_one_is_slow(boot: BootFunction, tmp_path: Path) -> None:
    """
    COM2 takes a byte at a time, far less than is recorded; kdebug reads the same rings at its leisure. In both modes,
    while recording ends and begins again, over the end of a session and the begin of another, under load that goes on;
    each can say where every record is.
    """
    stream = tmp_path / "stream.spoor"
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=1000000 tracer_port=com2 trace_size=3M trace=all",
                   capture=stream, capture_port="com2")
    machine.expect("^init: workload", 60)
    wait_until_larger(stream, 1 << 17)  # in that time the rings go round, again and again
    make_rings(machine, "0x10000", 64)
    switch_sched(machine, "off")
    switch_sched(machine, "on")
    assert dump_rings(machine, tmp_path / "newest.spoor")["before"] > 0
    make_rings(machine, "0x20000 oldest", 128)
    assert dump_rings(machine, tmp_path / "oldest.spoor")["delivered"] > 0
    make_rings(machine, "0x10000", 64)
    machine.capture_command("stop")
    first = wait_for_end(stream)
    sums = check_exact(tmp_path / "first.spoor", first)
    assert sums["missing"] > 0, sums
    machine.capture_command("dump")
    machine.capture_command("stop")
    second = check_exact(tmp_path / "second.spoor", wait_for_end(stream, len(first)))
    assert second["before"] + second["not_sent"] > 0  # nothing at all, if each sub-buffer went round while it was sent


ABSOLUTE = re.compile(r"\b(tsc|time)=0x[0-9a-f]+")  # counts from when the firmware was started


def test_two_runs_in_virtual_time_are_one_trace(boot: BootFunction, tmp_path: Path) -> None:
    """To the nanosecond and the last number: what differs between two traces has a cause in the system."""
    traces = []
    for run in range(2):
        stream = tmp_path / f"{run}.spoor"
        machine = boot(cpus=1, icount=4, cmdline="workload=ipcload:calls=100 trace=all", capture=stream)
        assert wait_all_done(machine, 120) == (1, 0)
        machine.expect(TRACE_ENDED, 60)
        machine.stop()
        done = subprocess.run([str(trace_tool()), "dump", str(stream)], capture_output=True, text=True, check=True)
        traces.append(ABSOLUTE.sub("", done.stdout).splitlines())
    assert len(traces[0]) == len(traces[1]) > 5000
    assert next((pair for pair in zip(*traces) if pair[0] != pair[1]), None) is None


# A switching waits until the host has let every core run: 0.3 ms where it has processors for all, some 15 ms where not.
@pytest.mark.parametrize("rounds", [50, pytest.param(850, marks=pytest.mark.long)])
def test_threads_that_switch_events_do_not_undo_each_other(boot: BootFunction, rounds: int) -> None:
    """12 switchings and 4 questions a round, under load and with NMIs; nobody who waits for a message is forgotten."""
    machine = boot(cpus=2, cmdline=f"workload=switching:threads=2:rounds={rounds},ipcload:calls=10000 tracer=0 "
                   "profile=1000 trace=all,-log")
    assert wait_all_done(machine, 120 + rounds) == (2, 0)
    with machine.at_prompt() as kdebug:
        assert "passed" not in kdebug.command("trace filter")
        # Where sites have just been changed text is what it was.
        assert kdebug.command("walk kernel mailbox_call_direct").rstrip().endswith("KiB: kernel read execute")
        lock = next(line.split() for line in kdebug.command("locks").splitlines() if line.startswith("trace switch"))
    assert lock[3] == "free" and int(lock[5]) >= 16 * rounds and int(lock[6]) > 0, "the threads did not meet"
