# SPDX-License-Identifier: MIT
"""Interrupts that reach drivers in user space: edges, level lines, messages; on the core that was asked for."""

from __future__ import annotations

import re

import pytest
from conftest import BootFunction, wait_all_done

EDU = ("-device", "edu,addr=0x10")
E1000E = ("-device", "e1000e,romfile=")


@pytest.mark.parametrize("cpus", [1, 4])
def test_edges_levels_and_messages_reach_a_driver(boot: BootFunction, cpus: int) -> None:
    machine = boot(cpus=cpus, cmdline=f"workload=irqload:cores={cpus}", extra=EDU + E1000E)
    assert wait_all_done(machine, 120) == (1, 0), machine.serial.text[-2000:]
    for what in ("32 ticks", "level line and message of edu", "messages of e1000e"):
        assert f"irqload: {what}" in machine.serial.text


def test_the_capture_port_interrupts_and_is_not_polled(boot: BootFunction, tmp_path) -> None:
    machine = boot(cpus=2, cmdline="workload=none", capture=tmp_path / "x.spoor")
    wait_all_done(machine)
    machine.expect(r"^init: trace complete", 60)
    with machine.at_prompt() as kdebug:
        before = count_messages(kdebug.command("interrupts"))
        assert re.search(r"interrupt +\d+ .*tracer", kdebug.command("threads")), "the listener waits for the interrupt"
    machine.capture_command("start")
    for _ in range(100):
        with machine.at_prompt() as kdebug:
            if count_messages(kdebug.command("interrupts")) > before:
                return
    raise AssertionError("a line of the host raises no interrupt")


def count_messages(listing: str) -> int:
    rows = re.findall(r"^ +[0-9a-f]+ +\d+ +\d+ +(\d+)  \w+ +message$", listing, re.MULTILINE)
    assert len(rows) == 1
    return int(rows[0])
