# SPDX-License-Identifier: MIT
"""What kdebug's report of a machine with many threads takes on the line, as it is and packed."""

from __future__ import annotations

from qemu.config import MachineConfig
from qemu.snapshot import machine_from_firmware
from spoorlib.console import Progress, UserError
from spoorlib.packed_text import find_texts

from debugger import SECONDS
from figures import Figure

THREADS = 150


def bytes_of(printed: str) -> int:
    """On the line, where kdebug ends lines with CR LF."""
    return len(printed) + printed.count("\n")


def measure_report(mode: str, progress: Progress) -> dict[str, Figure]:
    progress.say(f"a report of {THREADS} threads ...")
    config = MachineConfig(name="bench-report", cpus=4, mode=mode,
                           cmdline=f"workload=crowd:threads={THREADS}:keep_ms=7200000 tracer=0")
    with machine_from_firmware(config) as machine:
        machine.expect(f"crowd: {THREADS} threads stand", SECONDS)
        prompt = machine.break_in()
        plain, packed = prompt.command("report", SECONDS), prompt.command("report | z", SECONDS)
    if [text.text for text in find_texts(packed)] != [plain]:
        raise UserError("the packed report is not the plain one")
    return {f"kdebug.report{kind}_bytes": Figure(size, size, "bytes")
            for kind, size in (("", bytes_of(packed)), ("_plain", bytes_of(plain)))}
