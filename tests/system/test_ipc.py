# SPDX-License-Identifier: MIT
"""Mailboxes under load, checked by the programs themselves: every answer right, every call served once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import BootFunction, count_objects, wait_all_done, wait_for_rest

from qemu.machine import Machine
from spoorlib import contention
from spoorlib.workload import wait_capture


def test_a_hundred_thousand_calls_on_four_cores(boot: BootFunction) -> None:
    machine = boot(cpus=4, cmdline="workload=ipcload:calls=25000:clients=4 trace=none tracer=0")
    assert wait_all_done(machine, 240) == (1, 0)
    report = re.search(r"^ipcload: (\d+) calls by 4 clients, (\d+) served", machine.serial.text, re.MULTILINE)
    assert report and int(report.group(1)) >= 100_000 and report.group(1) == report.group(2)


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_events_futexes_and_channels_keep_their_promises(boot: BootFunction, cpus: int) -> None:
    """And lose or make up no wake-up: see userspace/programs/waits."""
    rounds = 1000 if cpus == 1 else 40
    machine = boot(cpus=cpus, cmdline=f"workload=waits:rounds={rounds}:kib=64 trace=none tracer=0")
    assert wait_all_done(machine, 240) == (1, 0)


@pytest.mark.parametrize("cpus", [1, 2, 8])
def test_many_clients_and_server_threads_on_any_number_of_cores(boot: BootFunction, cpus: int) -> None:
    workload = "ipcload:calls=800:clients=8:servers=3:threads=3"
    assert wait_all_done(boot(cpus=cpus, cmdline=f"workload={workload}"), 180) == (1, 0)


def lock_waits_of_pairs(boot: BootFunction, capture: Path, workload: str) -> list[str]:
    machine = boot(cpus=4, capture=capture, cmdline=f"workload={workload} trace={contention.TRACE}")
    assert wait_all_done(machine, 180) == (1, 0)
    wait_capture(machine)
    assert contention.counted_calls(machine.serial.text) >= 300
    machine.stop()
    return contention.lock_waits(capture)


def test_many_independent_pairs_wait_for_no_lock(boot: BootFunction, tmp_path: Path) -> None:
    assert not lock_waits_of_pairs(boot, tmp_path / "pairs.spoor", "pairs:calls=3000")


def test_clients_of_one_server_are_seen_to_wait_for_its_lock(boot: BootFunction, tmp_path: Path) -> None:
    """The same look at the same events; how often two cores meet at the lock is up to the host that runs them."""
    for calls in (300, 1000, 3000, 10000):
        waits = lock_waits_of_pairs(boot, tmp_path / f"{calls}.spoor", f"pairs:together:calls={calls}")
        if any('lock_name="mailbox"' in line for line in waits):
            return
    raise AssertionError("nobody waited")


def check_shown_mailboxes(text: str) -> None:
    """Whoever may receive is named, also before its nodes run; whoever is served has a token."""
    shown = [part for part in text.split("mailbox ") if re.match(r"\d+ 'mesh' at", part)]
    for part in shown:
        assert re.search(r"^    mesh\S* .*  handle \w+  badge \w+  receive", part, re.MULTILINE), part
        served = part.split("being served:")[1].split("receivers:")[0]
        rows = re.findall(r"^ +\d+  \S.*$", served, re.MULTILINE)
        assert all(re.search(r"  token [0-9a-f]+", row) for row in rows), part


def run_mesh(boot: BootFunction, cpus: int, nodes: int, threads: int, clients: int, calls: int,
             seconds: float) -> int:
    """How many calls there were, all answered once and right; looked at by kdebug meanwhile."""
    workload = f"mesh:nodes={nodes}:threads={threads}:clients={clients}:calls={calls}:seed={cpus}"
    machine = boot(cpus=cpus, cmdline=f"workload={workload} trace=none tracer=0")
    machine.expect("^init: workload mesh", 60)
    for _ in range(5):
        with machine.at_prompt() as kdebug:
            assert "check: 0 broken" in kdebug.command("check ipc"), kdebug.command("waits")
            check_shown_mailboxes(kdebug.command("mailboxes | mailbox"))
    assert wait_all_done(machine, seconds) == (1, 0)
    report = re.search(r"^mesh: (\d+) calls, all answered once and right", machine.serial.text, re.MULTILINE)
    assert report
    return int(report.group(1))


# A million in all, most on one core: several cores that an emulator runs on two take turns with every message.
@pytest.mark.parametrize("cpus, nodes, threads, clients, calls",
                         [(1, 8, 2, 4, 88000), (2, 2, 1, 8, 3000), (4, 5, 2, 4, 3000), (8, 8, 3, 8, 300)])
def test_calls_over_random_topologies_are_answered_once(boot: BootFunction, cpus: int, nodes: int, threads: int,
                                                        clients: int, calls: int) -> None:
    """Chains, stars, nested calls, answers from another thread: words and counts checked by userspace/programs/mesh."""
    assert run_mesh(boot, cpus, nodes, threads, clients, calls, 480) >= clients * calls


@pytest.mark.long
@pytest.mark.parametrize("cpus, nodes, threads, clients, calls",
                         [(1, 8, 2, 4, 860_000), (2, 2, 1, 8, 40_000), (4, 5, 2, 4, 60_000), (8, 8, 3, 8, 5_000)])
def test_ten_million_calls_are_answered_once(boot: BootFunction, cpus: int, nodes: int, threads: int,
                                             clients: int, calls: int) -> None:
    """In all: a request makes 1.5 to 2.8 calls."""
    assert run_mesh(boot, cpus, nodes, threads, clients, calls, 3600) >= clients * calls


def objects_after_storm(machine: Machine, looks: int) -> dict[str, int]:
    machine.expect("^init: workload storm", 60)
    for _ in range(looks):
        with machine.at_prompt() as kdebug:
            assert "check: 0 broken" in kdebug.command("check sched process object ipc"), kdebug.command("waits")
    assert wait_all_done(machine, 240) == (1, 0), machine.serial.text[-2000:]
    wait_for_rest(machine)
    with machine.at_prompt() as kdebug:
        assert "check: 0 broken" in kdebug.command("check sched process object ipc")
        return count_objects(kdebug)


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_a_storm_of_kills_on_the_direct_path_loses_no_more_than_it_kills(boot: BootFunction, cpus: int) -> None:
    """Client, middle and back of chains of calls die at random moments; the ledger of the program storm balances."""
    few = objects_after_storm(boot(cpus=cpus, cmdline="workload=storm:kills=3 trace=none tracer=0"), 0)
    many = objects_after_storm(boot(cpus=cpus, cmdline=f"workload=storm:kills=90:seed={cpus} trace=none tracer=0"), 4)
    assert few == many
