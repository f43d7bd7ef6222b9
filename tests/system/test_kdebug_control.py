# SPDX-License-Identifier: MIT
"""Threads and processes held, released and ended from the prompt, while the rest of the machine runs."""

from __future__ import annotations

import re
from collections.abc import Callable

from conftest import BootFunction

from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine

ATTEMPTS = 100
ENOUGH_US = 2000
CALLS = 40
WORK = "workload=hog:threads=2:steps=10000000000000,ipcload:calls=1000000000 tracer=0"


def look_until(machine: Machine, is_so: Callable[[KdebugPrompt], bool], what: str) -> None:
    """Break in until it is so."""
    for _ in range(ATTEMPTS):
        with machine.at_prompt() as kdebug:
            if is_so(kdebug):
                return
    raise AssertionError(f"never: {what}")


def workers(kdebug: KdebugPrompt) -> dict[int, str]:
    """The hog's computing threads and their states."""
    return {row.tid: row.state for row in kdebug.threads() if row.name == "hog" and row.process == "hog" and
            row.state != "join"}


def core_times(kdebug: KdebugPrompt, *tids: int) -> list[int]:
    """Microseconds of core time of threads; of one that runs just now -1."""
    rows = {int(line.split()[0]): line.split()[3] for line in kdebug.command("times").splitlines()
            if re.match(r" *\d+ ", line)}
    return [int(rows[tid]) if rows[tid].isdigit() else -1 for tid in tids]


def wait_held(machine: Machine, tids: set[int]) -> None:
    """Held, and off their cores."""
    look_until(machine, lambda kdebug: {tid for tid, state in workers(kdebug).items() if state == "held"} == tids and
               min(core_times(kdebug, *tids)) >= 0, f"{tids} held")


def start(machine: Machine) -> tuple[int, set[int], int]:
    """(the hog's PID, its two computing threads, a thread of another process that works) once all have run"""
    seen: list[tuple[int, set[int], int]] = []

    def is_so(kdebug: KdebugPrompt) -> bool:
        pid = re.search(r"^ *(\d+) .*\bhog$", kdebug.command("processes"), re.MULTILINE)
        middle = [row.tid for row in kdebug.threads() if row.process == "ipc middle"]
        hogs = workers(kdebug)
        started = sum(row.process == "hog" for row in kdebug.threads()) == 3
        if pid and middle and started and len(hogs) == 2 and min(core_times(kdebug, *hogs)) > ENOUGH_US:
            seen.append((int(pid[1]), set(hogs), middle[0]))
        return bool(seen)

    look_until(machine, is_so, "two hogs and ipcload")
    return seen[0]


def test_a_process_stands_still_while_the_others_run(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline=WORK)
    machine.expect("^init: ", 60)
    pid, hogs, other = start(machine)
    with machine.at_prompt() as kdebug:
        assert kdebug.command(f"hold {pid}") == f"process {pid} is held from the end of the stop on\n"
    wait_held(machine, hogs)
    with machine.at_prompt() as kdebug:
        before = core_times(kdebug, *hogs)
        others = core_times(kdebug, other)[0]
        stack = kdebug.command(f"bt {min(hogs)}")
        code = re.search(r"^ +0+([0-9a-f]+)  user code of hog", stack, re.MULTILINE)
        assert code
        assert f"which is held: 'release thread {min(hogs)}'" in kdebug.command(f"why {min(hogs)}")
        assert kdebug.command("hold | count").startswith("0x3")  # and the one that waits for them
    look_until(machine, lambda kdebug: core_times(kdebug, other)[0] > others + ENOUGH_US, "the others go on")

    # It stops again where it is told to, and nobody else does.
    with machine.at_prompt() as kdebug:
        assert core_times(kdebug, *hogs) == before
        kdebug.command(f'break hw 0x{code[1]} process {pid} do "hold {pid}; continue"')
        assert "goes on" in kdebug.command(f"release {pid}")
    look_until(machine, lambda kdebug: "1  execute  yes       1  0x" in kdebug.command("breakpoints"), "one hit")
    wait_held(machine, hogs)
    with machine.at_prompt() as kdebug:
        assert "1  execute  yes       1  0x" in kdebug.command("breakpoints")
        kdebug.command("delete all")
        # One thread of it goes on, is ended, and the process after it.
        still, goer = sorted(hogs)
        before = core_times(kdebug, still, goer)
        assert "goes on" in kdebug.command(f"threads {pid} | where .tid == {goer} | release")
    look_until(machine, lambda kdebug: core_times(kdebug, goer)[0] > before[1] + ENOUGH_US, "one goes on")
    with machine.at_prompt() as kdebug:
        assert core_times(kdebug, still) == before[:1]
        kdebug.command(f"kill thread {goer}")
    look_until(machine, lambda kdebug: workers(kdebug) == {still: "held"}, "the other one is alone")
    with machine.at_prompt() as kdebug:
        assert f"no thread {goer}" in kdebug.command(f"kill thread {goer}")
        kdebug.command(f"kill {pid} 7")
    machine.expect("^FAIL hog code=7", 60, fatal=None)


def test_what_cannot_be_held(boot: BootFunction) -> None:
    machine = boot(cpus=1, cmdline="workload=none")
    machine.expect("init: all done", 60)
    with machine.at_prompt() as kdebug:
        assert "no process 9999" in kdebug.command("hold 9999")
        assert "no thread 0" in kdebug.command("hold thread 0")
        for _ in range(16):
            assert "is held" in kdebug.command("hold thread 1")
        assert "too many requests are waiting" in kdebug.command("release thread 1")
    look_until(machine, lambda kdebug: kdebug.command("hold | print .tid") == "1\n", "16 requests are one")
    with machine.at_prompt() as kdebug:
        kdebug.command("hold | release")
    look_until(machine, lambda kdebug: kdebug.command("hold") == "", "nobody is held")


def test_a_break_that_meets_commands_of_a_breakpoint_is_not_lost(boot: BootFunction) -> None:
    """They print, also a line that nothing is printed after, and let the machine go on, thousands of times a second."""
    machine = boot(cpus=2, cmdline="workload=hog:threads=2:steps=10000000000000 tracer=0")
    machine.expect("^init: ", 60)
    at = ["", ""]  # a process, an instruction

    def computes(kdebug: KdebugPrompt) -> bool:
        pid = re.search(r"^ *(\d+) .*\bhog$", kdebug.command("processes"), re.MULTILINE)
        stacks = "".join(kdebug.command(f"bt {tid}") for tid in workers(kdebug))
        place = re.search(r"^ +0+([0-9a-f]+)  user code of hog, .*: compute\+", stacks, re.MULTILINE)
        at[:] = [pid[1], place[1]] if pid and place else at
        return bool(pid and place)

    look_until(machine, computes, "a hog computes")
    with machine.at_prompt() as kdebug:
        kdebug.command(f'break hw 0x{at[1]} do "release {at[0]}; continue"')
    for turn in range(CALLS):
        machine.break_in("escape" if turn % 4 == 3 else "break").resume()
    with machine.at_prompt() as kdebug:
        assert not re.search(r"^ *1  execute +yes +0 ", kdebug.command("breakpoints"), re.MULTILINE)
