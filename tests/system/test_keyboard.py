# SPDX-License-Identifier: MIT
"""Keys, buttons and movements that QEMU makes, as the service `input` tells of them."""

from __future__ import annotations

import re
from typing import Any

from conftest import BootFunction, kill_process, wait_all_done

from qemu.machine import Machine

# QEMU's names of the keys of a US keyboard (qapi/ui.json), and their usages (USB HID Usage Tables, page 7).
LETTERS = {letter: 0x04 + i for i, letter in enumerate("abcdefghijklmnopqrstuvwxyz")}
DIGITS = {digit: 0x1e + i for i, digit in enumerate("1234567890")}
OTHERS = {"ret": 0x28, "backspace": 0x2a, "tab": 0x2b, "spc": 0x2c, "minus": 0x2d, "equal": 0x2e, "bracket_left": 0x2f,
          "bracket_right": 0x30, "backslash": 0x31, "semicolon": 0x33, "apostrophe": 0x34, "grave_accent": 0x35,
          "comma": 0x36, "dot": 0x37, "slash": 0x38, "sysrq": 0x46, "insert": 0x49, "home": 0x4a, "pgup": 0x4b,
          "delete": 0x4c, "end": 0x4d, "pgdn": 0x4e, "right": 0x4f, "left": 0x50, "down": 0x51, "up": 0x52,
          "kp_divide": 0x54, "kp_multiply": 0x55, "kp_subtract": 0x56, "kp_add": 0x57, "kp_enter": 0x58, "less": 0x64,
          "compose": 0x65, "pause": 0x48}
FUNCTION = {f"f{i + 1}": 0x3a + i for i in range(12)}
PAD = {f"kp_{i}": 0x58 + i for i in range(1, 10)} | {"kp_0": 0x62, "kp_decimal": 0x63}
LOCKS = {"num_lock": (0x53, 1), "caps_lock": (0x39, 2), "scroll_lock": (0x47, 4)}
MODIFIERS = ["ctrl", "shift", "alt", "meta_l", "ctrl_r", "shift_r", "alt_r", "meta_r"]
SHIFTED = dict(zip("`1234567890-=[]\\;',./", "~!@#$%^&*()_+{}|:\"<>?"))

ATTEMPTS = 100000


def key_event(name: str, is_down: bool) -> dict[str, Any]:
    return {"type": "key", "data": {"down": is_down, "key": {"type": "qcode", "data": name}}}


def send(machine: Machine, *events: dict[str, Any]) -> None:
    machine.qmp("input-send-event", {"events": list(events)})


def expect_key(machine: Machine, usage: int, action: str, modifiers: int = 0, locks: int = 0) -> int:
    """Exactly this is the next line, but for a key that repeats because the host is slow; returns the character."""
    found = " repeated "
    while " repeated " in found:
        found = machine.expect(r"^keys: (.*)$", 20)[1]
    match = re.fullmatch(rf"key {usage:02x} {action} modifiers {modifiers:02x} locks {locks:x} character (\w+)", found)
    assert match, (found, hex(usage), action)
    return int(match[1], 16)


def press(machine: Machine, name: str, usage: int, modifiers: int = 0, locks: int = 0) -> int:
    """Down and up again; what character it is."""
    send(machine, key_event(name, True))
    character = expect_key(machine, usage, "pressed", modifiers, locks)
    send(machine, key_event(name, False))
    assert expect_key(machine, usage, "released", modifiers, locks) == 0
    return character


def start(boot: BootFunction, options: str = "") -> Machine:
    machine = boot(cpus=2, cmdline=f"workload=keys {options}")
    machine.expect("^keys: devices 7$", 60)
    return machine


def press_among_others(machine: Machine, name: str, usage: int) -> None:
    """The same where movements may still be on their way."""
    send(machine, key_event(name, True), key_event(name, False))
    for action in ("pressed", "released"):
        machine.expect(f"^keys: key {usage:02x} {action} modifiers 00 locks 0 character ", 60)


def finish(machine: Machine) -> None:
    press_among_others(machine, "esc", 0x29)
    assert wait_all_done(machine, 60) == (1, 0)


def press_every_key(machine: Machine) -> None:
    typed = {}
    for name, usage in (LETTERS | DIGITS | OTHERS | FUNCTION | PAD).items():
        typed[name] = press(machine, name, usage)
    assert all(typed[name] == ord(name) for name in LETTERS | DIGITS)
    assert not any(typed[name] for name in FUNCTION | PAD)
    for bit, name in enumerate(MODIFIERS):
        usage = 0xe0 + bit
        send(machine, key_event(name, True))
        expect_key(machine, usage, "pressed", 1 << bit)
        character = press(machine, "a", 0x04, 1 << bit)
        assert character == (1 if "ctrl" in name else ord("A") if "shift" in name else ord("a")), name
        send(machine, key_event(name, False))
        expect_key(machine, usage, "released")
    send(machine, key_event("shift", True))
    expect_key(machine, 0xe1, "pressed", 2)
    names = DIGITS | {name: OTHERS[name] for name in OTHERS if 0x20 < typed[name] < 0x7f and not name.startswith("kp")}
    for name, usage in names.items():
        assert chr(press(machine, name, usage, 2)) == SHIFTED[chr(typed[name])], name
    send(machine, key_event("shift", False))
    expect_key(machine, 0xe1, "released")
    for name, (usage, bit) in LOCKS.items():
        assert press(machine, name, usage, 0, bit) == 0
        assert chr(press(machine, "a", 0x04, 0, bit)) == ("A" if name == "caps_lock" else "a")
        assert chr(press(machine, "kp_7", 0x5f, 0, bit)) == ("7" if name == "num_lock" else "\0")
        press(machine, name, usage)


def test_every_key_of_a_us_keyboard(boot: BootFunction) -> None:
    machine = start(boot)
    press_every_key(machine)
    finish(machine)


def test_break_enters_kdebug(boot: BootFunction) -> None:
    """The service asks for it. What kdebug has read meanwhile, as that all was let go, it does not miss."""
    machine = start(boot)
    for chord in (["ctrl", "pause"], ["ctrl_r", "alt", "esc"]):  # Escape also ends the program
        assert press(machine, "a", LETTERS["a"]) == ord("a")
        for name in chord[:-1]:
            send(machine, key_event(name, True))
            machine.expect(r"^keys: key \w+ pressed", 20)
        send(machine, key_event(chord[-1], True))
        kdebug = machine.wait_prompt(20)
        assert kdebug.reason == "request" and "request: input" in kdebug.banner, kdebug.banner
        for name in reversed(chord):
            send(machine, key_event(name, False))
        assert kdebug.command("echo here") == "here\n"
        kdebug.resume()
        for _ in chord:
            machine.expect(r"^keys: key \w+ released", 20)
    assert wait_all_done(machine, 60) == (1, 0)


def test_break_at_a_shut_door(boot: BootFunction) -> None:
    """Nothing happens, and the keys that came with it arrive."""
    machine = start(boot, "kdebug=off")
    send(machine, *(key_event(name, True) for name in ("ctrl", "pause", "b")))
    machine.expect("^keys: key e0 released", 20)
    machine.expect("^keys: key 05 pressed", 20)
    finish(machine)


def do_all_with_the_mouse(machine: Machine) -> None:
    for button, name in enumerate(("left", "right", "middle")):
        for is_down in (True, False):
            send(machine, {"type": "btn", "data": {"down": is_down, "button": name}})
            machine.expect(f"^keys: button {button} {'pressed' if is_down else 'released'}$", 20)
    for x, y in ((5, -3), (-100, 90), (255, 255), (-1, 0)):
        send(machine, *({"type": "rel", "data": {"axis": axis, "value": by}} for axis, by in (("x", x), ("y", y))))
        # A packet holds no more than 127 of it, as QEMU makes them.
        went = [0, 0]
        while went != [x, y]:
            move = machine.expect(r"^keys: move (-?\d+) (-?\d+)$", 20)
            went = [went[0] + int(move[1]), went[1] + int(move[2])]
    for name, steps in (("wheel-up", -1), ("wheel-down", 1)):
        for is_down in (True, False):
            send(machine, {"type": "btn", "data": {"down": is_down, "button": name}})
        machine.expect(f"^keys: wheel {steps}$", 20)


def click(machine: Machine) -> None:
    """No movement: what QEMU has not been asked for yet it adds up."""
    for is_down in (True, False):
        send(machine, {"type": "btn", "data": {"down": is_down, "button": "left"}})
        machine.expect(f"^keys: button 0 {'pressed' if is_down else 'released'}$", 60)


def test_another_layout(boot: BootFunction) -> None:
    """The keys stay what they are, the characters are others."""
    machine = boot(cpus=2, cmdline="workload=keys keyboard_layout=de")
    machine.expect("^keys: devices 7$", 60)
    assert chr(press(machine, "y", LETTERS["y"])) == "z"
    assert chr(press(machine, "minus", OTHERS["minus"])) == "\xdf"
    send(machine, key_event("alt_r", True))
    expect_key(machine, 0xe6, "pressed", 0x40)
    assert chr(press(machine, "q", LETTERS["q"], 0x40)) == "@"
    send(machine, key_event("alt_r", False))
    expect_key(machine, 0xe6, "released")
    finish(machine)


def test_the_mouse(boot: BootFunction) -> None:
    machine = start(boot)
    do_all_with_the_mouse(machine)
    finish(machine)


def test_a_driver_that_is_killed_comes_back(boot: BootFunction) -> None:
    """Though the mouse goes on moving and somebody types while the next one looks for its devices."""
    machine = start(boot)
    assert press(machine, "x", LETTERS["x"]) == ord("x")
    kill_process(machine, "input")
    moves = [{"type": "rel", "data": {"axis": axis, "value": 7}} for axis in "xy"]
    before = machine.serial.mark()
    for _ in range(ATTEMPTS):
        send(machine, *moves, key_event("y", True), key_event("y", False))
        if "keys: devices" in machine.serial.text_since(before):
            break
    machine.expect("^keys: devices 7$", 60)
    press_among_others(machine, "z", LETTERS["z"])
    click(machine)
    finish(machine)
