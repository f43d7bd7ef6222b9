# SPDX-License-Identifier: MIT
"""Lua from Debian's source package, unmodified, as proof of the C library (userspace/programs/lua)."""

from __future__ import annotations

import os
import re

import pytest
from conftest import BootFunction, wait_all_done

from qemu.paths import build_folder

LUA = build_folder() / os.environ.get("MODE", "debug") / "user/lua"
pytestmark = pytest.mark.skipif(not LUA.exists(), reason="no newlib or no Lua: make deps")

SCRIPTS = {"language": 8, "text": 6, "numbers": 3}  # the others: test_inside.py


def test_lua_finds_all_it_needs(boot: BootFunction) -> None:
    """Scripts that check themselves, more than there are cores; one Lua waits for the user meanwhile."""
    programs = ",".join(f"lua:/boot/lua/{name}.lua:first" for name in (*SCRIPTS, "numbers"))
    machine = boot(cpus=2, cmdline=f"workload={programs},lua:-i tracer=0 env.GIVEN=at_boot")
    machine.expect(r"Lua 5\.4\.\d+  Copyright", 60)
    machine.send(b"n = 0\nfor i = 1, 10 do\nn = n + i\nend\nprint('by hand ' .. n)\n")
    machine.expect("by hand 55$", 60)
    machine.send(b"error('planted')\n")
    machine.expect(r"stdin:1: planted", 60)
    machine.send(b"os.exit()\n")
    assert wait_all_done(machine, 120) == (len(SCRIPTS) + 2, 0), machine.serial.text[-3000:]
    verdicts = re.findall(r"(\w+): (ok|not ok) (\d+) - ", machine.serial.text)
    assert all(verdict == "ok" for _, verdict, _ in verdicts)
    for name, count in SCRIPTS.items():
        runs = 2 if name == "numbers" else 1
        assert sum(program == name for program, _, _ in verdicts) == runs * count, name


def test_a_script_that_fails_says_so(boot: BootFunction) -> None:
    machine = boot(cpus=1, cmdline="workload=lua:-e:none.x=1,lua:/boot/lua/none.lua tracer=0")
    assert wait_all_done(machine, 60) == (0, 2)
    assert "lua: (command line):1:" in machine.serial.text
    assert "lua: cannot open /boot/lua/none.lua" in machine.serial.text
