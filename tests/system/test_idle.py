# SPDX-License-Identifier: MIT
"""An idle system with a live trace consumer comes to rest: nothing that records wakes the recorder."""

from __future__ import annotations

import re
import time
from pathlib import Path

from conftest import BootFunction, wait_all_done

from qemu.kdebug import KdebugPrompt
from qemu.machine import Machine

OBSERVED_SECONDS = 4.0
# A recorder that wakes itself never has a quiet window; a slow host only needs longer to come to the first one.
WINDOWS_MAX = 10
# The consumer waits for sub-buffers and for the interrupt of its port (services/tracer): a few timer events, no more.
EVENTS_PER_SECOND_MAX = 100
HOST_CPU_SHARE_MAX = 0.25
SHIPPED_BYTES_MAX = 1 << 20


def count_events(kdebug: KdebugPrompt) -> int:
    """Events of all lanes since boot."""
    rows = re.findall(r"^ +\d+  (?:normal|nmi|meta) +\d+ +\d+ +\d+ +(\d+)", kdebug.command("trace"), re.MULTILINE)
    assert len(rows) >= 9
    return sum(int(row) for row in rows)


def observe(machine: Machine, capture: Path) -> str:
    """What was not at rest for a while, or nothing."""
    with machine.at_prompt() as kdebug:
        events_before = count_events(kdebug)
    cpu_before, size_before = machine.process.cpu_seconds(), capture.stat().st_size
    # The point of this test is to let time pass: there is no event to wait for.
    time.sleep(OBSERVED_SECONDS)
    share = (machine.process.cpu_seconds() - cpu_before) / OBSERVED_SECONDS
    shipped = capture.stat().st_size - size_before
    with machine.at_prompt() as kdebug:
        events = count_events(kdebug) - events_before
    busy = {f"{events} events in {OBSERVED_SECONDS} s": events / OBSERVED_SECONDS > EVENTS_PER_SECOND_MAX,
            f"{share:.2f} of a core of the host": share > HOST_CPU_SHARE_MAX,
            f"{shipped} bytes shipped": shipped > SHIPPED_BYTES_MAX}
    return ", ".join(what for what, is_busy in busy.items() if is_busy)


def test_an_idle_system_with_a_live_consumer_comes_to_rest(boot: BootFunction, tmp_path: Path) -> None:
    capture = tmp_path / "idle.spoor"
    machine = boot(cpus=4, cmdline="workload=none", capture=capture)
    wait_all_done(machine)
    machine.expect(r"^init: trace complete", 60)
    machine.capture_command("start")  # a new session: the consumer listens to all that happens from now on
    seen: list[str] = []
    while len(seen) < WINDOWS_MAX and "" not in seen:
        seen.append(observe(machine, capture))
    assert seen[-1] == "", seen
