# SPDX-License-Identifier: MIT
"""Keyboard and mouse on USB: the same events as from the PS/2 controller; plugged in and out, drivers killed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from conftest import BootFunction, wait_all_done
from test_keyboard import (LETTERS, click, do_all_with_the_mouse, expect_key, finish, key_event, press,
                           press_among_others, press_every_key, send)

from qemu.machine import Machine

KEYBOARD = r"info usb: port \d: {} speed keyboard 0627:0001$"
STROKES = 200
MOUSE = r"info usb: port \d: {} speed mouse 0627:0001$"


def expect_all(machine: Machine, *patterns: str) -> None:
    """Each of them once, in any order."""
    missing = list(patterns)
    while missing:
        line = machine.expect("|".join(f"(?:{pattern})" for pattern in missing), 60)[0]
        missing = [pattern for pattern in missing if not re.search(pattern, line)]


def start(boot: BootFunction, workload: str = "keys") -> Machine:
    """QEMU gives keys and movements to the USB devices as soon as somebody asks them."""
    devices = ("usb-kbd,id=kbd", "usb-mouse,id=mouse")
    machine = boot(cpus=2, cmdline=f"workload={workload} services=usb", usb=devices)
    expect_all(machine, "^keys: devices 7$", KEYBOARD.format("high"), MOUSE.format("high"))
    return machine


def plug(machine: Machine, name: str, port: int, **device: Any) -> None:
    """In a port by number: left alone, QEMU takes one of a hub."""
    machine.qmp("device_add", {"bus": "xhci.0", "id": name, "port": str(port), **device})


def kill(machine: Machine, name: str) -> None:
    with machine.at_prompt() as kdebug:
        row = re.search(rf"^ *(\d+) .*\b{name}\b", kdebug.command("processes"), re.MULTILINE)
        assert row
        kdebug.command(f"kill {row[1]}")


def call_kdebug(machine: Machine) -> None:
    """By Break, which any keyboard has."""
    send(machine, key_event("ctrl", True), key_event("pause", True))
    kdebug = machine.wait_prompt(20)
    assert kdebug.reason == "request" and "request: input" in kdebug.banner, kdebug.banner
    kdebug.resume()
    send(machine, key_event("pause", False), key_event("ctrl", False))
    machine.expect("^keys: key e0 released", 20)


def test_every_key_and_the_mouse_on_usb(boot: BootFunction) -> None:
    machine = start(boot, "keys,lsusb sequential")
    press_every_key(machine)
    call_kdebug(machine)
    do_all_with_the_mouse(machine)
    send(machine, key_event("esc", True), key_event("esc", False))
    expect_all(machine, r"^ +\d  high   0627:0001  keyboard$", r"^ +\d  high   0627:0001  mouse$")
    assert wait_all_done(machine, 60) == (2, 0)


@pytest.mark.parametrize("has, said", [("msix=off,msi=on", r"info bus: \d\d:\d\d.0 interrupts by MSI 0$"),
                                       ("msix=off,msi=off", r"info usb: controller with \d+ ports, polled$")],
                         ids=["msi", "polled"])
def test_a_controller_without_a_table_of_messages(boot: BootFunction, has: str, said: str) -> None:
    """By MSI, or looked at again and again, it is the same."""
    machine = boot(cpus=1, cmdline="workload=keys services=usb tracer=0", power_on=True,  # QEMU cannot restore it
                   extra=("-device", f"nec-usb-xhci,id=xhci,{has}", "-device", "usb-kbd,id=kbd,bus=xhci.0"))
    expect_all(machine, said, "^keys: devices 7$", KEYBOARD.format("high"))
    assert press(machine, "b", LETTERS["b"]) == ord("b")
    finish(machine)


def test_plugged_in_and_out(boot: BootFunction) -> None:
    """A key that is held when its keyboard goes comes up; what nobody drives is left alone."""
    machine = start(boot)
    for speed in ("full", "high"):
        send(machine, key_event("a", True))
        expect_key(machine, LETTERS["a"], "pressed")
        machine.expect("^keys: key 04 repeated modifiers 00 locks 0 character 61$", 60)
        machine.qmp("device_del", {"id": "kbd"})
        expect_all(machine, r"info usb: port \d: unplugged$", r"^keys: key 04 released modifiers 00")
        plug(machine, "kbd", 1, driver="usb-kbd", usb_version=1 if speed == "full" else 2)
        machine.expect(KEYBOARD.format(speed), 60)
        assert press(machine, "b", LETTERS["b"]) == ord("b")
    plug(machine, "tablet", 3, driver="usb-tablet")
    machine.expect(r"info usb: port \d: 0627:0001 of class 3 left alone: it has no boot protocol$", 60)
    machine.qmp("device_del", {"id": "mouse"})
    machine.expect(r"info usb: port \d: unplugged$", 60)
    plug(machine, "mouse", 2, driver="usb-mouse")
    machine.expect(MOUSE.format("high"), 60)
    send(machine, {"type": "rel", "data": {"axis": "x", "value": -9}})
    machine.expect("^keys: move -9 0$", 60)
    finish(machine)


def test_a_machine_without_input(boot: BootFunction) -> None:
    """No PS/2 controller and no USB: services that say so and go on, ready for what may be plugged in."""
    machine = boot(cpus=1, machine="q35,i8042=off", cmdline="workload=lsusb,date sequential services=usb,input")
    expect_all(machine, "^input: no keyboard and no mouse: ERR_NOT_FOUND$", "info usb: no controller: ERR_NOT_FOUND$")
    assert wait_all_done(machine, 60) == (1, 1)  # lsusb has nothing to list
    kill(machine, "input")
    machine.expect("^input: no keyboard and no mouse: ERR_NOT_FOUND$", 60)


def plug_behind(machine: Machine, path: str) -> None:
    """A keyboard there works; one key of it stays down. QEMU's port 1 is the controller's fifth: four are for USB 3."""
    machine.qmp("device_add", {"driver": "usb-kbd", "bus": "xhci.0", "id": "behind", "port": f"1{path}"})
    machine.expect(rf"info usb: port 5{path}: full speed keyboard 0627:0001$", 60)
    press_among_others(machine, "b", LETTERS["b"])
    send(machine, key_event("a", True))
    machine.expect("^keys: key 04 pressed ", 60)


def test_behind_hubs(boot: BootFunction) -> None:
    """One behind the other, plugged in and out at either; the driver killed."""
    hubs = ("usb-hub,id=near,port=1", "usb-hub,id=far,port=1.3")
    machine = boot(cpus=2, cmdline="workload=keys,lsusb sequential services=usb", usb=hubs)
    expect_all(machine, "info usb: port 5: full speed hub 0409:55aa$",
               r"info usb: port 5\.3: full speed hub 0409:55aa$")
    for path in (".2", ".3.8"):
        plug_behind(machine, path)
        machine.qmp("device_del", {"id": "behind"})
        expect_all(machine, rf"info usb: port 5{path}: unplugged$", "^keys: key 04 released ")
    plug_behind(machine, ".3.1")
    kill(machine, "usb")
    expect_all(machine, "^init: service usb: ", "^keys: key 04 released ",
               r"info usb: port 5\.3\.1: full speed keyboard")
    send(machine, key_event("a", False))
    press_among_others(machine, "c", LETTERS["c"])
    send(machine, key_event("d", True))
    machine.expect("^keys: key 07 pressed ", 60)
    machine.qmp("device_del", {"id": "near"})  # with all that is behind it
    expect_all(machine, "info usb: port 5: unplugged$", "^keys: key 07 released ")
    plug(machine, "again", 1, driver="usb-hub")
    machine.expect("info usb: port 5: full speed hub 0409:55aa$", 60)
    plug_behind(machine, ".4")
    press_among_others(machine, "esc", 0x29)
    expect_all(machine, r"^ +5  full   0409:55aa  hub$", r"^ +5\.4  full   0627:0001  keyboard$")
    assert wait_all_done(machine, 60) == (2, 0)


def test_usb_drivers_that_are_killed_come_back(boot: BootFunction) -> None:
    """Of either service, who is left tells the new one; a key that was held comes up, and the devices go on."""
    machine = start(boot)
    send(machine, key_event("a", True))
    expect_key(machine, LETTERS["a"], "pressed")
    kill(machine, "usb")
    for _ in range(STROKES):  # while it is away and when it comes
        send(machine, {"type": "rel", "data": {"axis": "x", "value": 7}})
    expect_all(machine, "^init: service usb: ", r"^keys: key 04 released modifiers 00", KEYBOARD.format("high"),
               MOUSE.format("high"))
    send(machine, key_event("a", False))
    press_among_others(machine, "b", LETTERS["b"])
    kill(machine, "input")
    expect_all(machine, "^init: service input: ", "^keys: devices 7$")
    press_among_others(machine, "c", LETTERS["c"])
    click(machine)
    finish(machine)
