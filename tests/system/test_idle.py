# SPDX-License-Identifier: MIT
"""An idle system with a live trace consumer comes to rest: nothing that records wakes the recorder."""

from __future__ import annotations

import re
import time

from conftest import BootFunction, wait_all_done

from qemu.kdebug import KdebugPrompt

OBSERVED_SECONDS = 4.0
# The consumer waits for sub-buffers and for the interrupt of its port (services/tracer): a few timer events, no more.
EVENTS_PER_SECOND_MAX = 100
HOST_CPU_SHARE_MAX = 0.25


def count_events(kdebug: KdebugPrompt) -> int:
    """Events of all lanes since boot."""
    rows = re.findall(r"^ +\d+  (?:normal|nmi|meta) +\d+ +\d+ +\d+ +(\d+)", kdebug.command("trace"), re.MULTILINE)
    assert len(rows) >= 9
    return sum(int(row) for row in rows)


def test_an_idle_system_with_a_live_consumer_comes_to_rest(boot: BootFunction, tmp_path) -> None:
    capture = tmp_path / "idle.spoor"
    machine = boot(cpus=4, cmdline="workload=none", capture=capture)
    wait_all_done(machine)
    machine.expect(r"^init: trace complete", 60)
    machine.capture_command("start")  # a new session: the consumer listens to all that happens from now on
    with machine.at_prompt() as kdebug:
        before = count_events(kdebug)
    cpu_before, size_before = machine.process.cpu_seconds(), capture.stat().st_size
    # The point of this test is to let time pass: there is no event to wait for.
    time.sleep(OBSERVED_SECONDS)
    cpu_after = machine.process.cpu_seconds()
    with machine.at_prompt() as kdebug:
        events = count_events(kdebug) - before
    assert events / OBSERVED_SECONDS < EVENTS_PER_SECOND_MAX, f"{events} events in {OBSERVED_SECONDS} s"
    assert (cpu_after - cpu_before) / OBSERVED_SECONDS < HOST_CPU_SHARE_MAX, "the host is busy with an idle guest"
    assert capture.stat().st_size - size_before < 1 << 20, "the consumer keeps shipping"
