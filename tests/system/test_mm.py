# SPDX-License-Identifier: MIT
"""Memory: protection of the kernel itself, spaces and areas under load, and that nothing is lost."""

from __future__ import annotations

import re

import pytest

from conftest import BootFunction, wait_all_done

from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine


def test_no_page_lies_below_the_stacks_of_the_kernel_image(boot: BootFunction) -> None:
    kdebug = boot(cpus=2, cmdline="workload=none kdebug=wait").wait_prompt(60)
    found = re.search(r"([0-9a-f]{16})\s+\w\s+(\d+)\s+cpu_stacks", kdebug.command("sym cpu_stacks"))
    assert found
    stacks = int(found[1], 16)
    guards = [line for line in (kdebug.command(f"walk kernel {stacks + page * 4096:#x}") for page in range(36))
              if "is not mapped" in line]
    assert len(guards) == 12  # of two cores: boot, NMI and its work stack, #DB, #DF, #MC
    assert "is not mapped" in kdebug.command("walk kernel boot_stack")


@pytest.mark.parametrize("test, complaint", [("free_twice", "is freed twice"),
                                             ("use_freed", "was written to after it was freed")])
def test_misuse_of_the_heap_names_both_backtraces(boot: BootFunction, test: str, complaint: str) -> None:
    """Who allocated and who freed first, and who noticed, each with callers."""
    kdebug = boot(cpus=2, cmdline=f"workload=none test={test}").wait_prompt(60)
    found = re.search(rf"heap: 0x([0-9a-f]+) of cache heap 48 {complaint}; allocated .40 bytes. by 0x", kdebug.banner)
    assert kdebug.reason == "panic" and found, kdebug.banner
    callers = kdebug.command(f"heap 0x{found[1]}")
    for what in ("allocated", "freed"):
        assert re.search(rf"{what} by\n +\S+ +do_{test}\+(.*\n)+? +\S+ +context_start_kernel\+", callers), callers
    assert f"do_{test}+" in kdebug.command("bt")


def check_memory(kdebug: KdebugPrompt) -> bool:
    """False: look again. A core may be stopped inside the allocator; a finding counts when all of them are idle."""
    found = kdebug.command("check mm")
    rows = kdebug.command("cpus").splitlines()[1:]
    sound = "check: 0 broken" in found
    assert sound or not all("idle_halt" in row for row in rows), found
    return sound


def owned(machine: Machine) -> dict[str, int]:
    """Frames by owner, from kdebug."""
    for _ in range(20):
        with machine.at_prompt() as kdebug:
            if check_memory(kdebug):
                break
    else:
        pytest.fail("check mm finds something each time, and the machine does not come to rest")
    with machine.at_prompt() as kdebug:
        rows = re.findall(r"^ +([a-z ]+?) +(\d+) frames", kdebug.command("mem"), re.M)
    return {name: int(frames) for name, frames in rows}


def run_memory(boot: BootFunction, cpus: int, options: str, seconds: float = 240) -> dict[str, int]:
    machine = boot(cpus=cpus, cmdline=f"workload=memory{options} tracer=0")
    assert wait_all_done(machine, seconds) == (1, 0), machine.serial.text[-2000:]
    return owned(machine)


def test_areas_come_and_go_and_leave_nothing(boot: BootFunction) -> None:
    """Clones, lengths, protections, rings, large pages: after 2,000 rounds as many frames are in use as after 20."""
    few, many = (run_memory(boot, 2, f":rounds={rounds}:stress=1") for rounds in (20, 2000))
    for owner in ("user", "page tables"):
        assert few[owner] == many[owner], (few, many)
    assert abs(few["heap"] - many["heap"]) <= 16  # slabs that caches keep


# Each clone takes 13 shootdowns, and each of those waits until the host has run each busy core of the emulator: 186 ms
# for eight of them on two of the host's that others want too. So a clone may take 2.5 s.
@pytest.mark.parametrize("cpus, clones", [(4, 15), pytest.param(8, 150, marks=pytest.mark.long)])
def test_no_core_keeps_a_stale_translation(boot: BootFunction, cpus: int, clones: int) -> None:
    run_memory(boot, cpus, f":rounds=5:stress={clones}", 200 + 2.5 * clones)


@pytest.mark.parametrize("cpus, kills", [(4, 12), pytest.param(8, 200, marks=pytest.mark.long)])
def test_shootdowns_patches_and_kills_do_not_wait_for_each_other(boot: BootFunction, cpus: int, kills: int) -> None:
    """Each waits for all cores; nothing hangs, and what was killed in the middle leaves nothing."""
    few, many = (run_memory(boot, cpus, f":rounds=1:stress=1:kills={number}", 240 + 2 * kills) for number in (1, kills))
    for owner in ("user", "page tables"):
        assert few[owner] == many[owner], (few, many)


@pytest.mark.parametrize("options", [":rounds=50:stress=2",
                                     pytest.param(":rounds=1:stress=1:exhaust=1", marks=pytest.mark.long)])
def test_eight_gibibytes(boot: BootFunction, options: str) -> None:
    machine = boot(cpus=4, memory="8G", cmdline=f"workload=memory{options} tracer=0")
    assert wait_all_done(machine, 600) == (1, 0), machine.serial.text[-2000:]
    frames = owned(machine)
    assert frames["free"] > 0.95 * 8 * 2**18, frames


def test_one_process_takes_all_memory_and_others_go_on(boot: BootFunction) -> None:
    machine = boot(cpus=4, memory="256M", cmdline="workload=memory:rounds=1:stress=1:exhaust=1,ipcload tracer=0")
    assert wait_all_done(machine, 240) == (2, 0), machine.serial.text[-2000:]
    owned(machine)


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.long)])
def test_more_than_twice_the_free_memory_through_the_pager(boot: BootFunction, rounds: int) -> None:
    """Four cores use pages here and there, most of which are with the pager; all are as they were left."""
    machine = boot(cpus=4, memory="256M", cmdline=f"workload=paging:mib=12:leave=5:rounds={rounds},ipcload "
                                                  "pager=8192 tracer=0")
    assert wait_all_done(machine, 300 * rounds) == (2, 0), machine.serial.text[-3000:]
    with machine.at_prompt() as kdebug:
        assert "check: 0 broken" in kdebug.command("check mm")


@pytest.mark.parametrize("rounds", [2, pytest.param(100, marks=pytest.mark.long)])
def test_messages_arrive_though_their_buffers_are_with_the_pager(boot: BootFunction, rounds: int) -> None:
    """Clients and servers on four cores; each buffer they name may be out, leaving or hidden when it is needed."""
    machine = boot(cpus=4, memory="256M", cmdline=f"workload=paging:mib=12:leave=5:rounds={rounds}:mail=1 pager=8192 "
                                                  "tracer=0")
    assert wait_all_done(machine, 120 * rounds) == (1, 0), machine.serial.text[-3000:]


def test_a_pager_that_lies_or_dies_ends_who_needs_its_pages_and_nobody_else(boot: BootFunction) -> None:
    machine = boot(cpus=4, memory="256M", cmdline="workload=paging:lies=1 tracer=0")
    assert wait_all_done(machine, 300) == (1, 0), machine.serial.text[-3000:]
    lines = machine.serial.text
    for report in ("its pager is gone", "its pager gave something else", "its pager answered without it",
                   "its pager did not answer in time"):
        assert re.search(rf"page \d+ of area \d+ is lost: {report}", lines), report
    ended = re.findall(r"victim/\w+ \(process (\d+), .*: page fault at ip .*: ended", lines)
    assert len(set(ended)) == 6  # one for each kind of liar but the honest one and the one who only says too much
    owned(machine)


def test_what_memory_does_is_in_the_trace(boot: BootFunction) -> None:
    """The loop maps, cuts, clones and shortens large pages; the pager takes pages and gives them back."""
    machine = boot(cpus=4, memory="256M", cmdline="workload=memory:rounds=3:stress=1,paging:mib=6:leave=3 pager=4096 "
                                                  "trace=mm,fault tracer=0")
    assert wait_all_done(machine, 240) == (2, 0), machine.serial.text[-3000:]
    with machine.at_prompt() as kdebug:
        for event in ("map", "unmap", "protect", "clone", "leaf.split", "leaf.merge", "run.split", "shootdown.begin",
                      "shootdown.end", "frames.free", "frames.owned", "page.out", "page.in"):
            assert f" mm.{event}" in kdebug.command(f"trace last 1 mm.{event}"), event
        assert "outcome=fetched" in kdebug.command("trace last 1024 fault.exit")
