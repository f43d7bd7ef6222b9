# SPDX-License-Identifier: MIT
"""Boot: numbers of cores, memory sizes, kinds of machines, damaged and missing files, the stale memory-map key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import BootFunction, private_esp, wait_all_done

from qemu import esp

FIRMWARE_AGAIN = r"Shell>|UEFI Interactive Shell|BdsDxe: failed to start|BdsDxe: No bootable option|Boot Manager"
NO_START = r"Spoor cannot start\."


@pytest.mark.parametrize(("cpus", "power_on"), [(1, False), (2, False), (4, True), (8, False)])
def test_boots_to_init_and_to_the_prompt(boot: BootFunction, cpus: int, power_on: bool) -> None:
    machine = boot(cpus=cpus, cmdline="workload=none", power_on=power_on)
    assert wait_all_done(machine) == (0, 0)
    with machine.at_prompt() as kdebug:
        listed = kdebug.command("cpus")
    for cpu in range(cpus):
        assert re.search(rf"^[* ] +{cpu} +\d+  stopped", listed, re.MULTILINE), f"core {cpu} not in:\n{listed}"


@pytest.mark.parametrize("cpus", [1, 4])
def test_the_demo_workload_passes(boot: BootFunction, cpus: int) -> None:
    passed, failed = wait_all_done(boot(cpus=cpus, cmdline="workload=demo"), 180)
    assert failed == 0 and passed >= 5


@pytest.mark.parametrize("memory", ["256M", "1G", "3G", "5G"])
def test_memory_sizes(boot: BootFunction, memory: str) -> None:
    machine = boot(cpus=2, memory=memory, cmdline="workload=touch")
    assert wait_all_done(machine)[1] == 0


MACHINES = {
    "an old one, from a stick": {"boot_disk": "usb", "cpu": "Nehalem", "machine": "q35,hpet=off"},
    "SATA, two processors": {"boot_disk": "ahci", "cpu": "Haswell", "topology": "sockets=2,cores=1,threads=2"},
    "NVMe": {"boot_disk": "nvme", "cpu": "EPYC", "topology": "sockets=1,cores=2,threads=2"},
    "the least that has 64 bits": {"cpu": "qemu64", "machine": "pc"},
}


@pytest.mark.parametrize("kind", MACHINES)
def test_machines_of_several_kinds(boot: BootFunction, kind: str) -> None:
    """Processors with fewer features, other disks to boot from, other chipsets and clocks."""
    machine = boot(power_on=True, cpus=4, cmdline="workload=demo", **MACHINES[kind])
    assert wait_all_done(machine, 180)[1] == 0
    with machine.at_prompt() as kdebug:
        assert "check: 0 broken" in kdebug.command("check")


def test_a_stale_memory_map_key_is_retried(boot: BootFunction) -> None:
    machine = boot(cmdline="workload=none boot_test_stale_key")
    wait_all_done(machine)


@pytest.mark.parametrize("name", ["kernel.elf", "boot.img"])
def test_a_missing_file_is_named_and_firmware_takes_over(boot: BootFunction, tmp_path: Path, name: str) -> None:
    disk = private_esp(tmp_path)
    esp.remove_file(disk, esp.find_file(disk, name))
    machine = boot(esp=disk)
    machine.expect(NO_START, 60)
    assert name in machine.expect(r"while +(.*)$", 10).group(1)
    assert "no such file" in machine.expect(r"why +(.*)$", 10).group(1)
    machine.expect(FIRMWARE_AGAIN, 60)


DAMAGE = {
    "no ELF magic": ("kernel.elf", lambda data: b"\0" * 4 + data[4:], "ELF"),
    "kernel cut short": ("kernel.elf", lambda data: data[:len(data) // 3], ""),
    "kernel empty": ("kernel.elf", lambda data: b"", ""),
    "wrong machine": ("kernel.elf", lambda data: data[:18] + b"\xb7\0" + data[20:], ""),
    "image checksum": ("boot.img", lambda data: data[:-5000] + bytes([data[-5000] ^ 1]) + data[-4999:], "checksum"),
    "image cut short": ("boot.img", lambda data: data[:len(data) // 2], ""),
    "image without magic": ("boot.img", lambda data: b"garbage!" + data[8:], ""),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused_with_its_reason(boot: BootFunction, tmp_path: Path, damage: str) -> None:
    name, spoil, word = DAMAGE[damage]
    disk = private_esp(tmp_path)
    path = esp.find_file(disk, name)
    esp.write_file(disk, path, spoil(esp.read_file(disk, path)))
    machine = boot(esp=disk)
    machine.expect(NO_START, 60)
    assert name in machine.expect(r"while +(.*)$", 10).group(1)
    why = machine.expect(r"why +(.*)$", 10).group(1)
    assert word in why and len(why) > 10
    assert machine.expect(r"remedy +(.*)$", 10).group(1)
    machine.expect(FIRMWARE_AGAIN, 60)
