# SPDX-License-Identifier: MIT
"""What kdebug says of why things do not go on: a deadlock that is one, waits that are none, whose an address is."""

from __future__ import annotations

import re
import subprocess

import pytest
from conftest import BootFunction

from qemu import paths
from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine

ATTEMPTS = 50
SNAPSHOTS, SNAPSHOTS_LONG = 20, 1000


def wait_for_states(machine: Machine, wanted: dict[str, str]) -> KdebugPrompt:
    """Break in until the threads of these names are in these states."""
    for _ in range(ATTEMPTS):
        kdebug = machine.break_in()
        states = {f"{thread.process}/{thread.name}": thread.state for thread in kdebug.threads()}
        if wanted.items() <= states.items():
            return kdebug
        kdebug.resume()
    raise AssertionError(f"never: {wanted}")


def test_a_deadlock_is_proved_and_explained(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=knot")
    machine.expect("^knot: tied", 60)
    kdebug = wait_for_states(machine, {"knot/left": "reply", "knot/right": "call",
                                       "knot/knot": "join", "init/knot": "join",
                                       "knot/tick": "event", "knot/tock": "event"})
    tids = {thread.name: thread.tid for thread in kdebug.threads() if thread.process == "knot"}
    verdict = kdebug.command("deadlock")
    cause, behind = verdict.split("behind them:\n")
    stuck = rf"{tids['right']} knot/right: call on mailbox \d+ 'left', from which only threads that are stuck"
    assert re.search(stuck, cause)
    for name, event in (("tick", "tock"), ("tock", "tick")):
        assert re.search(rf"{tids[name]} knot/{name}: event on event \d+ '{event}', which only threads that are stuck "
                         "may signal", cause)
    assert re.search(rf"{tids['left']} knot/left: reply on .* -> {tids['right']} knot/right$", behind, re.MULTILINE)
    assert re.search(r"knot/knot: join on thread", behind) and "init/knot: join on process" in behind
    assert "tracer" not in verdict
    why = kdebug.command(f"why {tids['left']}").splitlines()
    assert why[0].startswith(f"thread {tids['left']} 'left' of knot: reply on mailbox")
    assert why[1] == f"chain: {tids['left']} knot/left -> {tids['right']} knot/right"
    assert why[2].startswith("a deadlock: nobody who could help can go on")
    # A call that found its receiver waiting is parked in the fast path and has no kernel stack.
    assert re.search(r"syscall_dispatch\+|: mailbox_call_parked;", why[3]) and "user code call_right+" in why[3], why[3]
    assert len(why) == 5 and re.match(r"last event that names it: \d+ us|the newest events|no trace", why[4])
    join = next(thread.tid for thread in kdebug.threads() if (thread.process, thread.name) == ("init", "knot"))
    call = r"system call ----  process_wait\(process=0x\w+, deadline=0xf{16}\)"
    assert re.search(call, kdebug.command(f"bt {join}")), kdebug.command(f"bt {join}")
    whose = kdebug.command(f"thread {tids['left']} ! grep stack")
    stack = re.search(r"context rsp (0x\w+)", whose)
    assert stack and f"kernel stack of thread {tids['left']} 'left'" in kdebug.command(f"whose {stack[1]}")


@pytest.mark.parametrize("snapshots", [SNAPSHOTS, pytest.param(SNAPSHOTS_LONG, marks=pytest.mark.long)])
def test_nothing_is_called_a_deadlock_that_is_none(boot: BootFunction, snapshots: int) -> None:
    """Threads that wait for each other all the time, and go on."""
    machine = boot(cpus=4, cmdline="workload=ipcload:calls=10000000,waits:rounds=10000000")
    machine.expect("tracer: capturing", 60)
    waiting = 0
    for _ in range(snapshots):
        with machine.at_prompt() as kdebug:
            assert kdebug.command("deadlock").startswith("no deadlock")
            for thread in kdebug.threads()[:2]:
                assert len(kdebug.command(f"why {thread.tid}").splitlines()) == 5
            waiting += kdebug.command("events").count("waits for")
            assert "WORD" in kdebug.command("futexes") and "core 3: timer" in kdebug.command("timers")
    assert waiting > 0


def ask_gdb(program: str, *lines: str) -> list[str]:
    """What gdb says of a program's types and variables without running it."""
    file = paths.kernel_elf().parent / "user" / program
    arguments = [word for line in lines for word in ("-ex", line)]
    done = subprocess.run(["gdb", "-batch", "-nx", *arguments, file], capture_output=True, text=True, check=True)
    return [line.split(" = ")[1] for line in done.stdout.splitlines() if line.startswith("$")]


def test_types_of_a_user_program(boot: BootFunction) -> None:
    """gdb, which reads the same file's DWARF, is the judge of sizes, offsets and places; memory by PID of contents."""
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=100000000")
    machine.expect("tracer: capturing", 60)
    kdebug = machine.break_in()
    while not re.search(r" ipcload\s*$", kdebug.command("processes"), re.MULTILINE):
        kdebug.resume()
        kdebug = machine.break_in()
    pid = next(row.split()[0] for row in kdebug.command("processes").splitlines() if row.endswith(" init"))
    assert re.match(r"process init: program init, \d+ symbols, \d+ types\n", kdebug.command("context init"))
    size, place, offset, count = ask_gdb("init", "print sizeof(struct workload)", "print &workloads[1]",
                                         "print &((struct workload *)0)->process", "print &workload_count")
    process = int(offset.split(")")[1].split()[0], 16)
    said = kdebug.command("print /d sizeof(struct workload)") + kdebug.command("print /d offsetof(workload, process)")
    assert said.split() == [size, str(process)]
    address = int(place.split(")")[1].split()[0], 16)
    assert kdebug.command("print &workloads[1]").startswith(f"0x{address:x} <workloads+0x{int(size):x}>")
    assert kdebug.command("print workloads[0].name workload_count").split()[1:] == ['"ipcload"', "1"]
    assert ".name = 0x" in kdebug.command("print workloads[0]")
    assert "struct thread waiter" in kdebug.command("type workload")
    word = int(count.split(")")[1].split()[0], 16)
    assert kdebug.command(f"read 0x{word:x} 4 /u {pid} /w").split()[1] == "00000001"
    assert kdebug.command("set workload_count = 9; print workload_count; set workload_count = 1") == "9\n"
    assert "no struct 'consumer'" in kdebug.command("print ((struct consumer *)0x1000)->position")
    kdebug.command("context tracer")
    assert "(struct consumer) 0x" in kdebug.command("print consumer")
    kdebug.command("context off")


def test_whose_an_address_is(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=none")
    machine.expect("init: all done", 60)
    kdebug = machine.break_in()
    assert "kernel image: kernel_main+0x4, " in kdebug.command("whose kernel_main+4")
    address = re.search(r"at 0x(\w+)", kdebug.command("thread 1"))
    assert address
    heap = kdebug.command(f"whose 0x{address[1]}+8")
    assert "at 0x8 of the object" in heap and "in use, heap" in heap, heap
    assert "no page is there" in kdebug.command("whose 0x123456")
    assert "nothing" in kdebug.command("whose 0x8000000000000000")


def break_in_until_stuck(machine: Machine) -> tuple[KdebugPrompt, str]:
    """The cores say so just before each of them waits for the other."""
    for _ in range(ATTEMPTS):
        kdebug = machine.break_in()
        verdict = kdebug.command("deadlock")
        if not verdict.startswith("no deadlock"):
            return kdebug, verdict
        kdebug.resume()
    raise AssertionError("two cores never wait for each other")


def test_two_locks_taken_both_ways(boot: BootFunction) -> None:
    """AB-BA on two cores: who waits for whom now, and where each order was first seen; the orders of the boot rise."""
    machine = boot(cpus=2, cmdline="workload=none tracer=0 test=abba")
    machine.expect("test: abba", 60)
    kdebug, verdict = break_in_until_stuck(machine)
    assert re.search(r"core 0 waits for lock 'test B', which core 1 has taken at take_b_then_a\+\w+  CYCLE\n", verdict)
    assert re.search(r"core 1 waits for lock 'test A', which core 0 has taken at take_a_then_b\+\w+  CYCLE\n", verdict)
    assert "2 cores can never go on\n" in verdict
    held = kdebug.command("locks held")
    assert re.search(r"^test A .* core 0 at take_a_then_b\S+\n +core 1 waits for it  CYCLE$", held, re.MULTILINE), held
    assert re.search(r"^test B .* core 1 at take_b_then_a\S+\n +core 0 waits for it  CYCLE$", held, re.MULTILINE), held
    rows = [re.split(r"\s{2,}", row) for row in kdebug.command("locks order").splitlines()[1:]]
    both = {row[0]: row for row in rows if row[-1] == "BOTH WAYS"}
    assert sorted(both) == ["test A", "test B"], rows
    for first, second, function in (("A", "B", "take_a_then_b"), ("B", "A", "take_b_then_a")):
        held_name, held_rank, taken_name, taken_rank, held_at, taken_at, _ = both[f"test {first}"]
        assert (held_name, taken_name) == (f"test {first}", f"test {second}") and held_rank == taken_rank
        assert held_at.startswith(f"{function}+0x") and taken_at.startswith(f"{function}+0x") and held_at != taken_at
        assert kdebug.command(f'locks order | where .held == "{held_name}" | count') == "0x1 = 1\n"
        where = kdebug.command(f'locks order | where .held == "{held_name}" | print .taken .held_at')
        assert f'"{taken_name}"' in where, where
    assert {("trace switch", "rendezvous"), ("space", "area")} < {(row[0], row[2]) for row in rows}, rows
