# SPDX-License-Identifier: MIT
"""What init says about a workload (userspace/services/init), and waiting for it."""

from __future__ import annotations

import re

from qemu.machine import Machine

from .console import Progress, UserError

STARTED = r"^init: workload .*$"
# The first word of any program of the workload: from then on they run.
FIRST_REPORT = r"^(?!init|tracer)\w+: "
ALL_DONE = r"^init: all done: (\d+) passed, (\d+) failed$"
# Printed last, when everything is in the capture file.
TRACE_SHIPPED = r"^init: (?:trace (.*)|no tracer: (.*)|(the tracer has ended.*))$"
VERDICT = re.compile(r"^(?:PASS|FAIL) .*$", re.MULTILINE)

FLUSH_SECONDS = 120.0


def wait_workload(machine: Machine, seconds: float, progress: Progress) -> None:
    """Wait until the workload is done; UserError if it failed."""
    done = machine.expect(ALL_DONE, seconds)
    for line in VERDICT.findall(machine.serial.text):
        progress.say("  " + line)
    if int(done.group(2)) or not int(done.group(1)):
        raise UserError(f"the workload reports: {done.group(0)}")


def wait_capture(machine: Machine) -> None:
    """Wait until the trace consumer has shipped everything; UserError if it could not."""
    shipped = machine.expect(TRACE_SHIPPED, FLUSH_SECONDS)
    if shipped.group(1) != "complete":
        raise UserError(f"the capture is not complete: {shipped.group(0)}")
