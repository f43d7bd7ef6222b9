# SPDX-License-Identifier: MIT
"""The C library of programs: newlib on our system calls, if it could be built here."""

from __future__ import annotations

import re

import pytest
from conftest import BootFunction, wait_all_done

from qemu.paths import build_folder

LIBRARY = build_folder() / "third_party/newlib/lib/libc.a"
pytestmark = pytest.mark.skipif(not LIBRARY.exists(), reason="no newlib: make deps")


@pytest.mark.parametrize("cpus", [1, 4])
def test_memory_text_errno_and_files(boot: BootFunction, cpus: int) -> None:
    """Checked by the program itself, but for what it prints: in order, through stdio, at exit."""
    machine = boot(cpus=cpus, cmdline="workload=libc:rounds=500 tracer=0 env.GIVEN=at_boot")
    assert wait_all_done(machine, 120) == (1, 0), machine.serial.text[-2000:]
    lines = [line for line in machine.serial.text.splitlines() if re.match(r"libc: (?!1\.\.|#|ok)", line)]
    assert lines == ["libc: animal leaves spoor trail", "libc: unbuffered, No such file or directory",
                     "libc: a line that exit() writeslibc: at exit"]


def test_files_of_the_c_library(boot: BootFunction) -> None:
    """Descriptors, names, directories and streams, from several threads, in the RAM file system."""
    machine = boot(cpus=2, cmdline="workload=libc_files tracer=0")
    assert wait_all_done(machine, 120) == (1, 0), machine.serial.text[-2000:]
