# SPDX-License-Identifier: MIT
"""The service `disk`: sectors there and back, behind each driver, checked against the file from outside."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import BootFunction, wait_all_done

from qemu.machine import Machine
from qemu.paths import ROOT, trace_tool
from qemu.checksum import crc32c
from spoorlib.workload import wait_capture

sys.path.insert(0, str(ROOT / "tests" / "host"))
from perfetto_check import check_file  # noqa: E402

SECTOR = 512
SECTORS = 1024
BUSES = ("virtio", "ahci")
both = pytest.mark.parametrize("bus", BUSES)


def make_disk(tmp_path: Path, seed: int = 1) -> Path:
    disk = tmp_path / "disk.img"
    disk.write_bytes(random.Random(seed).randbytes(SECTORS * SECTOR))
    return disk


def line_of(what: str, disk: Path) -> str:
    data = disk.read_bytes()
    return f"sectors: {what} {len(data)} bytes {crc32c(data):08x}"


def lines_of(machine: Machine) -> list[str]:
    return re.findall(r"^sectors: .*$", machine.serial.text, re.MULTILINE)


@both
def test_contents_there_and_back(boot: BootFunction, tmp_path: Path, bus: str) -> None:
    disk = make_disk(tmp_path)
    before = line_of("read", disk)
    machine = boot(cpus=2, disk=disk, disk_bus=bus, cmdline="workload=sectors:read:write:limits")
    assert wait_all_done(machine) == (1, 0)
    facts, read, wrote = lines_of(machine)
    assert facts.startswith(f"sectors: {bus} 'spoor-disk' '") and facts.endswith(f"{SECTORS} sectors of {SECTOR} bytes")
    assert (read, wrote) == (before, line_of("wrote", disk))
    assert read.split()[-1] != wrote.split()[-1]


def test_a_disk_without_messages_is_polled(boot: BootFunction, tmp_path: Path) -> None:
    """Which line a device has is not known here."""
    disk = make_disk(tmp_path)
    machine = boot(cpus=1, disk=disk, disk_options="vectors=0", cmdline="workload=sectors:read tracer=0")
    machine.expect("info disk: virtio 'spoor-disk' .*, polled$", 60)
    assert wait_all_done(machine) == (1, 0)
    assert lines_of(machine)[1] == line_of("read", disk)


def test_requests_in_the_timeline(boot: BootFunction, tmp_path: Path) -> None:
    """What the device takes of each lies within what the service does for it."""
    capture, trace = tmp_path / "disk.spoor", tmp_path / "disk.pftrace"
    machine = boot(cpus=1, disk=make_disk(tmp_path), capture=capture,
                   cmdline="workload=sectors:write trace=sched,ipc,user")
    assert wait_all_done(machine) == (1, 0)
    wait_capture(machine)
    subprocess.run([str(trace_tool()), "convert", str(capture), str(trace)], check=True)
    report = check_file(trace, keep=True)
    assert report.ok, report.summary()
    served = [item for item in report.slices if re.match(r"serve disk\.(read|write|flush)$", item.name)]
    parts = [item for item in report.slices if re.match("disk (read|write|flush)$", item.name)]
    assert len(served) == len(parts) >= 2 * SECTORS * SECTOR // 0x10000 + 1
    for whole, part in zip(served, parts):
        assert whole.name.removeprefix("serve disk.") == part.name.removeprefix("disk ")
        assert whole.begin <= part.begin <= part.end <= whole.end


@both
def test_a_driver_that_is_killed_at_work(boot: BootFunction, tmp_path: Path, bus: str) -> None:
    """What it answered is in the file; what it did not, its clients ask of the next one. Also if `bus` ends, too."""
    disk = make_disk(tmp_path)
    machine = boot(cpus=4, disk=disk, disk_bus=bus, cmdline="workload=sectors:load=300:kills=6")
    assert wait_all_done(machine, 120) == (1, 0)
    loaded = lines_of(machine)[-1]
    assert loaded == line_of("loaded 6 kills, wrote", disk)
    assert len(re.findall(r"^init: service disk: .*, again in", machine.serial.text, re.MULTILINE)) == 6
    assert len(re.findall(r"^init: service bus: .*, again in", machine.serial.text, re.MULTILINE)) == 3


@both
def test_sectors_that_fail(boot: BootFunction, tmp_path: Path, bus: str) -> None:
    faults = tmp_path / "faults"
    faults.write_text('[inject-error]\nevent = "none"\nerrno = "5"\nsector = "77"\n')
    machine = boot(cpus=1, disk=make_disk(tmp_path), disk_bus=bus, disk_faults=faults,
                   cmdline="workload=sectors:bad=77")
    assert wait_all_done(machine) == (1, 0)
    assert lines_of(machine)[1:] == ["sectors: 9 failures"]
    assert len(re.findall(r"^\[.*\] warning disk: write at sector 77 failed$", machine.serial.text, re.MULTILINE)) == 3


@both
def test_a_disk_that_is_taken_away(boot: BootFunction, tmp_path: Path, bus: str) -> None:
    machine = boot(cpus=1, disk=make_disk(tmp_path), disk_bus=bus, cmdline="workload=sectors:gone")
    machine.expect("^sectors: waiting$", 60)
    machine.monitor("drive_del disk")
    assert wait_all_done(machine) == (1, 0)
    assert lines_of(machine)[-1] == "sectors: gone: ERR_IO"


def test_a_disk_of_larger_sectors_that_is_not_to_be_written(boot: BootFunction, tmp_path: Path) -> None:
    disk = make_disk(tmp_path)
    machine = boot(cpus=1, disk=disk, disk_read_only=True,
                   disk_options="logical_block_size=4096,physical_block_size=4096",
                   cmdline="workload=sectors:read:limits")
    assert wait_all_done(machine) == (1, 0)
    assert lines_of(machine)[0].endswith(f" {SECTORS // 8} sectors of 4096 bytes, read only")
    assert lines_of(machine)[1] == line_of("read", disk)


def test_a_machine_without_a_disk(boot: BootFunction) -> None:
    """But for the one it was booted from, which is none of this service's business."""
    machine = boot(cpus=1, cmdline="workload=sectors:none")
    assert wait_all_done(machine) == (1, 0)
    assert re.search(r"^\[.*\] info disk: no disk any: ERR_NOT_FOUND$", machine.serial.text, re.MULTILINE)
