# SPDX-License-Identifier: MIT
"""Function tracing in the running system: all functions from the boot on, some at the prompt, none that must not be."""

from __future__ import annotations

import re

import pytest
from conftest import BootFunction, wait_all_done, wait_until_halted

RECORD = re.compile(r"cpu(\d+).* function\.(enter|exit) function=(\w+)\S* stack=0x(\w+)")
STACK_SLOT_LOG2 = 14


def records(text: str) -> list[tuple[bool, str, int]]:
    """(begins, function, place) of the lines of "trace last" about functions."""
    return [(found[2] == "enter", found[3], int(found[4], 16)) for line in text.splitlines()
            if (found := RECORD.search(line))]


def nest(text: str) -> list[tuple[str, ...]]:
    """The chain of open calls at each call that ends. What ends must be what was begun at its place."""
    stacks: dict[int, list[tuple[str, int]]] = {}
    chains = []
    for begins, function, place in records(text):
        calls = stacks.setdefault(place >> STACK_SLOT_LOG2, [])
        while calls and calls[-1][1] < place + begins:  # has left its stack without returning
            calls.pop()
        if begins:
            calls.append((function, place))
        elif calls:
            assert calls[-1] == (function, place), (function, hex(place), calls)
            chains.append(tuple(name for name, _ in calls))
            calls.pop()
    return chains


@pytest.mark.parametrize("functions", ["all", "all,-spinlock_*"])
def test_the_system_boots_with_every_function_traced(boot: BootFunction, functions: str) -> None:
    machine = boot(cpus=2, cmdline=f"workload=ipcload:calls=300,churn functions={functions} trace=function tracer=0")
    assert wait_all_done(machine, 180) == (2, 0)
    with machine.at_prompt() as kdebug:
        listed = kdebug.command("trace functions")
        chains = nest(kdebug.command("trace last 1000 function"))
    traced, possible = (int(number) for number in re.findall(r"\d+", listed.splitlines()[0])[:2])
    assert 400 < traced <= possible and "mailbox_call_direct" in listed
    assert (traced < possible) == ("spinlock_enter" not in listed) == ("-" in functions)
    assert len(chains) > 300 and any(len(chain) > 2 for chain in chains), chains


def test_functions_are_chosen_and_refused_at_the_prompt(boot: BootFunction) -> None:
    machine = boot(cpus=2, cmdline="workload=ipcload:calls=3000 tracer=0 functions=nonsense")
    machine.expect("functions=nonsense: none of that name can be traced", 30)
    machine.expect("^init: workload", 60)
    with machine.at_prompt() as kdebug:
        for name, reason in [("trace_slow_write", "the recorder, NMI handlers or the debugger"),
                             ("syscall_entry", "the recorder, NMI handlers or the debugger"),
                             ("context_switch", "it has no slot"), ("sys_area_map", "it has no slot"),
                             ("space_root", "it makes no frame"), ("no_such_*", "no function has such a name")]:
            assert reason in kdebug.command(f"trace functions on {name}"), name
        kdebug.command("break sys_process_kill+1")  # where the jump would lie: that function stays as it is
        assert "from the end of the stop" in kdebug.command("trace functions on mailbox_*_direct sys_process_*")
    assert wait_all_done(machine, 120) == (1, 0)
    with machine.at_prompt() as kdebug:
        seen = {function for _, function, _ in records(kdebug.command("trace last 500 function"))}
        assert seen >= {"mailbox_call_direct", "mailbox_reply_receive_direct"}
        assert all(name.startswith(("mailbox_", "sys_process_")) for name in seen), seen
        listed = kdebug.command("trace functions").split()
        assert "sys_process_create" in listed and "sys_process_kill" not in listed
        kdebug.command("trace functions off all")
    wait_until_halted(machine)  # the kernel obeys when the stop is over
    with machine.at_prompt() as kdebug:
        assert kdebug.command("trace functions").startswith("0 of ")
