# SPDX-License-Identifier: MIT
"""The rings of the boot before, after a reset out of nowhere."""

from __future__ import annotations

import json
import random
import re
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import BootFunction

from qemu.machine import Machine
from qemu.paths import trace_tool
from spoorlib.capture import extract_region, write_dump

REGION = re.compile(r"^  trace +0x(\w+), (\d+) KiB", re.M)
PREVIOUS = re.compile(r"^  previous +0x(\w+), (\d+) KiB", re.M)
RESETS = 2
LANE_BYTES, LANE_EVENTS = 128, 24  # struct trace_lane
LANE_PLACES, LANE_PLACE_BYTES = 424, 40  # in struct trace_region
DOUBLE_FAULT, PROTECTION_FAULT, PAGE_FAULT, INTERRUPTS = 8, 13, 14, range(0xe0, 0xe5)


def spoor_trace(*arguments: object) -> str:
    done = subprocess.run([str(trace_tool()), *map(str, arguments)], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def info(path: Path) -> Any:
    return json.loads(spoor_trace("info", "--json", path))


def save(machine: Machine, place: re.Match[str], target: Path) -> bytes:
    machine.save_physical(int(place[1], 16), int(place[2]) * 1024, target)
    return target.read_bytes()


def count_events(machine: Machine, place: re.Match[str]) -> int:
    """Of the normal lane of core 0."""
    counter = int(place[1], 16) + 0x1000 + LANE_BYTES + LANE_EVENTS
    return int(struct.unpack("<Q", machine.read_physical(counter, 8))[0])


def stop_somewhere(machine: Machine, place: re.Match[str], events: int) -> None:
    """In the middle of the load, when core 0 has that many events."""
    while count_events(machine, place) < events:
        pass
    machine.qmp("stop")


def test_what_a_boot_recorded_is_there_after_a_reset(boot: BootFunction, tmp_path: Path) -> None:
    """Every byte of it, each time; the two places take turns."""
    randomness = random.Random(4)
    machine = boot(cpus=2, memory="512M", reboot=True, cmdline="workload=ipcload:calls=2000000 trace=all tracer=0")
    assert not PREVIOUS.search(machine.serial.text)
    places = set()
    machine.expect("^init: workload", 120)
    for _ in range(RESETS):
        place = list(REGION.finditer(machine.serial.text))[-1]
        stop_somewhere(machine, place, randomness.randrange(10000, 200000))
        left = save(machine, place, tmp_path / "left")
        machine.qmp("system_reset")
        machine.qmp("cont")
        previous = machine.expect(PREVIOUS, 120)
        assert previous.groups() == place.groups()
        machine.expect("^init: workload", 120)
        found = save(machine, previous, tmp_path / "found")
        assert found == left
        places.add(place[1])
    assert len(places) == RESETS
    # What was in it, said in three ways: the image itself, the image of all memory, and kdebug.
    spoor_trace("check", tmp_path / "found")
    records = info(tmp_path / "found")["events"]["kinds"]
    assert records["ipc.call"]["total"] > 1000
    machine.save_physical(0, 512 << 20, tmp_path / "memory")
    assert extract_region(tmp_path / "memory", tmp_path / "extracted", previous=True)
    assert info(tmp_path / "extracted")["events"]["kinds"] == records
    assert extract_region(tmp_path / "memory", tmp_path / "extracted")
    with machine.at_prompt() as kdebug:
        status = kdebug.command("trace previous")
        last = kdebug.command("trace previous last 5 ipc.call")
        assert kdebug.command("log previous 100").count("cores: 2 of 2 run") == 1
        assert "usage" in kdebug.command("trace previous on irq")
        dump = kdebug.command("trace previous dump 2", timeout=120)
    boots = re.findall(r"Spoor, boot (\w+)", machine.serial.text)
    assert f"boot {boots[-2]}" in status and boots[-1] != boots[-2]
    assert len(last.splitlines()) == 5
    assert write_dump(dump, "the prompt", tmp_path / "dumped")
    spoor_trace("check", tmp_path / "dumped")


def lanes_of(region: bytes) -> Iterator[tuple[int, bytes]]:
    """Position of each lane, and its ring."""
    count, = struct.unpack_from("<I", region, 12)
    for i in range(count):
        control, ring, ring_bytes = struct.unpack_from("<QQQ", region, LANE_PLACES + LANE_PLACE_BYTES * i)
        position, = struct.unpack_from("<Q", region, control)
        yield position, region[ring:ring + ring_bytes]


def goes_on_from(found: bytes, before: bytes) -> bool:
    """All that was recorded before is in what was found, at its place; and more is."""
    grown = 0
    for (end, ring), (middle, start) in zip(lanes_of(found), lanes_of(before), strict=True):
        assert end <= len(ring), "it was overwritten: make the wait shorter"
        if end < middle or ring[:middle] != start[:middle]:
            return False
        grown += end - middle
    return grown > 0


def break_the_gates(machine: Machine) -> None:
    """The next interrupt cannot be delivered, nor the fault that this is, nor the double fault."""
    with machine.at_prompt() as kdebug:
        for vector in (DOUBLE_FAULT, PROTECTION_FAULT, PAGE_FAULT, *INTERRUPTS):
            kdebug.command(f"write &idt[{vector}] 0")
            assert "absent" in kdebug.command(f"idt {vector}")


def push_the_button(machine: Machine) -> None:
    machine.qmp("system_reset")


def reset_at_work(boot: BootFunction, folder: Path, seed: int, reset: Callable[[Machine], None]) -> None:
    """Nobody stops the cores first: what they are at is cut off anywhere. All that was recorded by then is there."""
    machine = boot(cpus=2, memory="512M", reboot=True, cmdline="workload=ipcload:calls=2000000 trace=all tracer=0")
    machine.expect("^init: workload", 120)
    place = list(REGION.finditer(machine.serial.text))[-1]
    stop_somewhere(machine, place, random.Random(seed).randrange(10000, 100000))
    before = save(machine, place, folder / "before")
    events = count_events(machine, place)
    machine.qmp("cont")
    while count_events(machine, place) <= events:
        pass  # else it may be reset before it has gone on
    reset(machine)
    machine.wait_reset(60)
    previous = machine.expect(PREVIOUS, 120)
    assert previous.groups() == place.groups()
    assert goes_on_from(save(machine, previous, folder / "found"), before)
    spoor_trace("check", folder / "found")
    assert info(folder / "found")["events"]["kinds"]["ipc.call"]["total"] > 1000


def test_a_triple_fault(boot: BootFunction, tmp_path: Path) -> None:
    reset_at_work(boot, tmp_path, 1, break_the_gates)


@pytest.mark.parametrize("seed", [2, 3])
def test_running_cores_are_reset(boot: BootFunction, tmp_path: Path, seed: int) -> None:
    reset_at_work(boot, tmp_path, seed, push_the_button)


def test_after_a_cold_start_there_is_nothing(boot: BootFunction) -> None:
    machine = boot(cpus=1, cmdline="workload=none")
    machine.expect("^init: ", 60)
    with machine.at_prompt() as kdebug:
        assert "no boot before this one left its trace" in kdebug.command("trace previous last")
