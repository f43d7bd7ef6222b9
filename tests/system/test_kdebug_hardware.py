# SPDX-License-Identifier: MIT
"""What kdebug shows of the processor and its chips, compared with what QEMU's monitor says of the same moment."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from conftest import BootFunction

from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine

pytestmark = pytest.mark.xdist_group("hardware")


@pytest.fixture
def kdebug(idle_machine: Machine) -> Iterator[KdebugPrompt]:
    with idle_machine.at_prompt() as prompt:
        assert prompt.cpu == 0
        yield prompt


def number(pattern: str, text: str) -> int:
    match = re.search(pattern, text)
    assert match, f"no {pattern} in\n{text}"
    return int(match[1], 16)


def test_descriptor_tables_and_special_registers(kdebug: KdebugPrompt) -> None:
    seen = kdebug.machine.monitor("info registers")  # of core 0
    assert number(r"efer\s+(\w+)", kdebug.command("msr efer")) == number(r"EFER=(\w+)", seen)
    gdt, idt = kdebug.command("gdt 0"), kdebug.command("idt")
    assert number(r"at (\w+)", gdt) == number(r"GDT= +(\w+)", seen)
    assert number(r"limit (\w+)", gdt) == number(r"GDT= +\w+ (\w+)", seen)
    assert number(r"tss at (\w+)", gdt) == number(r"TR =\w+ (\w+)", seen)
    assert number(r"at (\w+)", idt) == number(r"IDT= +(\w+)", seen)
    assert number(r"limit (\w+)", idt) == number(r"IDT= +\w+ (\w+)", seen)
    assert idt.count("selector 8") == 256 and re.search(r"^02 +nmi_entry .*ist 1.*: NMI$", idt, re.MULTILINE)
    control = kdebug.command("control 0")
    assert number(r"cr0 (\w+)", control) == number(r"CR0=(\w+)", seen)
    assert number(r"cr4 (\w+)", control) == number(r"CR4=(\w+)", seen)
    assert re.search(r"cr0 .* PE .* PG$", control, re.MULTILINE)


def test_a_model_specific_register_is_read_and_written(kdebug: KdebugPrompt) -> None:
    before = kdebug.command("msr pat")
    kdebug.command("wrmsr pat 0x0007040600070105")
    assert "0007040600070105" in kdebug.command("msr pat")
    kdebug.command(f"wrmsr pat 0x{before.split()[-1]}")
    assert kdebug.command("msr pat") == before
    assert re.match(r"eax \w{8}  ebx \w{8}  ecx \w{8}  edx \w{8}$", kdebug.command("cpuid 0").strip())


def test_the_local_apic(kdebug: KdebugPrompt) -> None:
    seen, said = kdebug.machine.monitor("info lapic 0"), kdebug.command("apic")
    for here, there in (("timer", "LVTT"), ("lint0", "LVT0"), ("lint1", "LVT1"), ("error", "LVTERR")):
        assert number(rf"{here} +(\w+)", said) == number(rf"{there}\s+0x(\w+)", seen), said + seen
    assert number(r"spurious (\w+)", said) == number(r"SPIV\s+0x(\w+)", seen)


def test_the_io_apic(kdebug: KdebugPrompt) -> None:
    seen, said = kdebug.machine.monitor("info pic"), kdebug.command("ioapic")
    lines = re.findall(r"^ +(\d+)  (\w{16})  ", said, re.MULTILINE)
    pins = re.findall(r"pin (\d+) +0x(\w{16})", seen)
    assert len(lines) == 24 and [(int(line), int(entry, 16)) for line, entry in lines] == \
        [(int(pin), int(entry, 16)) for pin, entry in pins]


def test_pci_functions(kdebug: KdebugPrompt) -> None:
    seen, said = kdebug.machine.monitor("info pci"), kdebug.command("pci")
    there = re.findall(r"Bus +(\d+), device +(\d+), function (\d):\s+.*?: PCI device (\w+:\w+)", seen)
    here = re.findall(r"^(\w+):(\w+)\.(\d)  (\w+:\w+)", said, re.MULTILINE)
    assert [(int(a, 16), int(b, 16), int(c), d) for a, b, c, d in here] == \
        [(int(a), int(b), int(c), d) for a, b, c, d in there]
    for address in re.findall(r"BAR\d: .*?at (0x\w+)", seen):
        if int(address, 16) not in (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF):
            assert f"0x{int(address, 16):x}" in said, address
    assert "no such function" in kdebug.command("pci 0 30")


def test_ports(kdebug: KdebugPrompt) -> None:
    """The real-time clock's memory: written here, read there."""
    for value in (0x5A, 0xA5):
        kdebug.command("out 0x70 0x50")
        kdebug.command(f"out 0x71 {value:#x}")
        kdebug.command("out 0x70 0x50")
        assert kdebug.command("in 0x71").strip() == f"{value:02x}"
        kdebug.command("out 0x70 0x50")
        assert number(r"= 0x(\w+)", kdebug.machine.monitor("i /1bx 0x71")) == value
    assert "ports are" in kdebug.command("in 0x10000")


def press(machine: Machine, text: str) -> None:
    """
    Type on the PS/2 keyboard. Pairs of keys come at once, since more may wait than one; then their echo is awaited,
    since the controller's queue is short.
    """
    for at in range(0, len(text), 2):
        for key in text[at:at + 2]:
            machine.qmp("send-key", {"keys": [{"type": "qcode", "data": KEYS.get(key, key)}], "hold-time": 1})
        if "\n" not in text[at:at + 2]:
            machine.expect(re.escape(text[at:at + 2]), 20)


KEYS = {" ": "spc", "\n": "ret"}


def test_commands_typed_on_the_keyboard(boot: BootFunction) -> None:
    """The way in, too: Control + Pause is Break, which the kernel looks for as no driver has the keyboard."""
    machine = boot(cpus=2, cmdline="workload=none kdebug_keyboard=on")
    machine.expect("init: all done", 60)
    for keys in ("a", "b", "ret"), ("ctrl", "pause"):
        machine.qmp("send-key", {"keys": [{"type": "qcode", "data": key} for key in keys], "hold-time": 1})
    assert machine.wait_prompt(60).reason == "break"
    press(machine, "echo keys\n")
    machine.expect("^keys\r?$", 20)
    press(machine, "c\n")
    machine.expect("^kdebug: resume", 20)
    with machine.at_prompt() as kdebug:  # the line goes on to work
        assert kdebug.command("echo line") == "line\n"
        assert "keeps no record of its last branches" in kdebug.command("branches")
