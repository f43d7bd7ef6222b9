# SPDX-License-Identifier: MIT
"""What the scheduler promises, checked by the program sched; the counters of kdebug; the events."""

from __future__ import annotations

import re

import pytest
from conftest import BootFunction, wait_all_done


@pytest.mark.parametrize("cpus", [1, 2])
def test_shares_and_bounds_are_exact_in_virtual_time(boot: BootFunction, cpus: int) -> None:
    """With -icount no host disturbs: equal shares within 5 %, and the bound of aging."""
    machine = boot(cpus=cpus, icount=4, cmdline="workload=sched trace=none tracer=0")
    assert wait_all_done(machine, 180) == (1, 0)


def test_every_promise_on_four_cores_at_once(boot: BootFunction) -> None:
    machine = boot(cpus=4, cmdline="workload=sched:percent=30 trace=none tracer=0")
    assert wait_all_done(machine, 180) == (1, 0)
    with machine.at_prompt() as kdebug:
        text = kdebug.command("runq")
        counters = re.findall(r"stole (\d+) threads, gave (\d+) away, aged (\d+), kicked (\d+) times", text)
        assert len(counters) == 4
        moved = sum(int(stolen) + int(given) for stolen, given, _, _ in counters)
        assert moved >= 3, "hogs that began on one core are on four now"
        assert sum(int(aged) for _, _, aged, _ in counters) > 0
        assert "check: 0 broken" in kdebug.command("check sched process")
