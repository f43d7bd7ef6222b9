# SPDX-License-Identifier: MIT
"""Services that find each other by name and call through generated stubs, checked by the program typed."""

from __future__ import annotations

from pathlib import Path

from conftest import BootFunction, wait_all_done

from spoorlib import tracetool
from spoorlib.workload import wait_capture


def test_typed_calls_between_services_that_find_each_other(boot: BootFunction, tmp_path: Path) -> None:
    """Right ones are served, wrong ones refused, servers that end are waited for; and operations have their names."""
    capture = tmp_path / "typed.spoor"
    machine = boot(cpus=2, capture=capture, cmdline="workload=typed trace=ipc")
    assert wait_all_done(machine, 120) == (1, 0), machine.serial.text[-2000:]
    wait_capture(machine)
    dump = tracetool.output("dump", "--filter", "ipc.call,ipc.receive", str(capture))
    for name in ("names.admit", "names.register", "names.wait", "names.find", "sample.reverse", "sample.swap"):
        for event in ("ipc.call", "ipc.receive"):
            assert any(event in line and f"label={name}" in line for line in dump.splitlines()), f"{event} {name}"
    timeline = tmp_path / "typed.pftrace"
    tracetool.output("convert", "--quiet", str(capture), str(timeline))
    for part in (b"call names.find", b"serve names.find", b"call sample.reverse", b"serve sample.reverse"):
        assert part in timeline.read_bytes(), part
