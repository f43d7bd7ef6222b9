# SPDX-License-Identifier: MIT
"""Files: file systems behind the interface vfs, seen by the program files; operations by name in the trace."""

from __future__ import annotations

from pathlib import Path

from conftest import BootFunction, wait_all_done

from spoorlib import tracetool
from spoorlib.workload import wait_capture

OPERATIONS = ("attach", "open", "close", "read", "write", "stat", "list", "remove", "rename", "make_directory",
              "truncate", "sync", "usage", "gone")


def test_files_in_memory(boot: BootFunction, tmp_path: Path) -> None:
    """Every operation right and wrong, many clients, clients and services that end, no room: the program checks."""
    capture = tmp_path / "files.spoor"
    machine = boot(cpus=2, capture=capture, cmdline="workload=files trace=ipc")
    assert wait_all_done(machine, 120) == (1, 0), machine.serial.text[-2000:]
    wait_capture(machine)
    dump = tracetool.output("dump", "--filter", "ipc.receive", str(capture))
    served = {line.rsplit("label=vfs.", 1)[1] for line in dump.splitlines() if "label=vfs." in line}
    assert served == set(OPERATIONS)
