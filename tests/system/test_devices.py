# SPDX-License-Identifier: MIT
"""What programs find out about the machine, compared with what QEMU says: devices on the PCI buses, the time of day."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

from conftest import BootFunction, wait_all_done

from qemu.machine import Machine

DATE = "2031-02-28T23:59:30"
KINDS = {"io": "ports", "memory": "memory"}


def functions_of(buses: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each knows the bus that it is on."""
    for bus in buses:
        for function in bus.get("devices", []):
            yield function
            yield from functions_of([function.get("pci_bridge", {})])


def registers_of(function: dict[str, Any]) -> set[str]:
    nowhere = (0, 2 ** 64 - 1)
    regions = [region for region in function["regions"] if region["bar"] < 6 and region["address"] not in nowhere]
    return {f"{KINDS[region['type']]} {region['bar']} {region['address']:x}" for region in regions}


def test_devices_where_configuration_space_is_behind_ports_only(boot: BootFunction) -> None:
    """An older chip set: the same device without what those do not reach."""
    machine = boot(cpus=1, machine="pc,hpet=off", cmdline="workload=devices,clocks:0 sequential",
                   extra=("-device", "e1000e,romfile="))
    assert wait_all_done(machine) == (2, 0)
    assert re.search(r"^\S+ 8086:10d3 .*, MSI, MSI-X$", machine.serial.text, re.MULTILINE)
    assert re.search(r"^HPET  none that runs$", machine.serial.text, re.MULTILINE)


def test_clocks_by_each_other(boot: BootFunction) -> None:
    """All of them follow the same virtual time here, whatever the host does: 2 s."""
    machine = boot(cpus=1, icount=4, cmdline="workload=clocks:2 tracer=0 trace=none",
                   extra=("-rtc", "clock=vm"))
    assert wait_all_done(machine) == (1, 0)
    text = machine.serial.text
    assert re.search(r"^TSC   1000\.000 MHz: ", text, re.MULTILINE)
    match = re.search(r"^HPET  100\.000 MHz; by it the TSC runs (\d+) ppm too \w+ \(over 2\.0\d\d s\)$", text,
                      re.MULTILINE)
    assert match and int(match[1]) <= 5, text[-500:]
    match = re.search(r"^RTC   (\d) s; 2\.0\d\d s by the TSC$", text, re.MULTILINE)
    assert match and 1 <= int(match[1]) <= 3, text[-500:]


def message_rows(machine: Machine) -> int:
    with machine.at_prompt() as kdebug:
        return len(re.findall(r"^ +[0-9a-f]+ +\d+ +\d+ +\d+  \w+ +message", kdebug.command("interrupts"), re.MULTILINE))


def test_a_driver_gets_its_device_and_nothing_else(boot: BootFunction) -> None:
    """No page of a table of messages; a masked message waits; one that leaves its device at work leaves no vector."""
    machine = boot(cpus=2, cmdline="workload=none services=claims tracer=0", extra=("-device", "e1000e,romfile="))
    machine.expect("^claims: all as it should be, leaving the card at work$", 60)
    machine.expect(r"^init: service claims: code=3, again in 1 ms", 60)
    machine.expect("^claims: found the card silent, and it works again$", 60)
    assert message_rows(machine) == 2, "those that the predecessor had are gone"


def test_devices_and_the_date(boot: BootFunction) -> None:
    """Also behind a bridge; and the driver of the clock killed in between."""
    machine = boot(cpus=1, cmdline="workload=devices,date,services:end=time,date sequential",
                   extra=("-device", "pcie-root-port,id=behind,chassis=1", "-device", "e1000e,bus=behind,romfile=",
                          "-rtc", f"base={DATE},clock=vm"))
    assert wait_all_done(machine) == (4, 0)
    text = machine.serial.text
    said = {row[0]: row for row in re.findall(r"^(\S+\.\d) (\w{4}:\w{4}) (\w{4})\w\w (.*)$", text, re.MULTILINE)}
    functions = list(functions_of(machine.qmp("query-pci")))
    assert len(said) == len(functions) >= 8
    for function in functions:
        place, ids, kind, rest = said[f"{function['bus']:02x}:{function['slot']:02x}.{function['function']}"]
        assert ids == f"{function['id']['vendor']:04x}:{function['id']['device']:04x}", place
        assert kind == f"{function['class_info']['class']:04x}", place
        assert registers_of(function) == {part for part in rest.split(", ") if re.match("(ports|memory) ", part)}
    sata = next(row for row in said.values() if row[2] == "0106")
    assert sata[3].startswith("SATA controller (AHCI)") and sata[3].endswith(", MSI")
    card = next(row for row in said.values() if row[2] == "0200")[3]
    assert card.endswith(", MSI, MSI-X, AER, serial number"), card  # the latter two are behind the first 256 bytes
    assert said["00:00.0"][3].endswith("host bridge"), "an older device has none"
    dates = re.findall(r"^(2031-0\d-\d\d \d\d:\d\d:\d\d) UTC$", text, re.MULTILINE)
    first, second = (datetime.datetime.fromisoformat(date) - datetime.datetime.fromisoformat(DATE) for date in dates)
    assert datetime.timedelta(0) <= first <= second < datetime.timedelta(minutes=30)
