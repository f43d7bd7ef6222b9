# SPDX-License-Identifier: MIT
"""gdb on QEMU's stub with Spoor's helper: symbols, threads, a blocked thread's backtrace."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from conftest import BootFunction, wait_all_done

from qemu.machine import Machine
from qemu.paths import ROOT
from spoorlib.debug import gdb_command

GDB_SECONDS = 120


def run_gdb(stub: Path, *commands: str) -> str:
    arguments = ["-batch"]
    for command in commands:
        arguments += ["-ex", command]
    done = subprocess.run(gdb_command(stub, "debug", arguments), capture_output=True, text=True, timeout=GDB_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Python Exception" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A short path: unix sockets allow about 100 characters.
    return tmp_path_factory.mktemp("g") / "gdb"


@pytest.fixture
def idle(boot: BootFunction, stub: Path) -> Machine:
    machine = boot(cpus=4, cmdline="workload=none", gdb=f"unix:{stub},server=on,wait=off")
    wait_all_done(machine)
    machine.expect(r"^init: trace ", 60)
    return machine


def test_stops_at_kernel_main_from_power_on() -> None:
    """What `make gdb` does, with commands in place of a person."""
    command = [str(ROOT / "tools" / "gdb" / "run.sh"), "-batch", "-ex", "hbreak kernel_main", "-ex", "continue",
               "-ex", "info symbol $rip"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=GDB_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Breakpoint 1, .*kernel_main \(handoff=0x", done.stdout, re.DOTALL), done.stdout + done.stderr
    assert re.search(r"^kernel_main(?: \+ \d+)? in section \.text", done.stdout, re.MULTILINE), done.stdout


def test_lists_threads_and_processes(idle: Machine, stub: Path) -> None:
    output = run_gdb(stub, "spoor threads", "spoor processes")
    assert re.search(r"^ +1 blocked +\w+ .* init +main$", output, re.MULTILINE), output
    assert len(re.findall(r"^ +0 (?:running|ready) .* kernel +idle", output, re.MULTILINE)) == 4, output
    assert re.search(r"^ +\d+ +1 +\d+ alive +init$", output, re.MULTILINE), output
    assert "tracer" in output


def test_backtraces_a_blocked_thread(idle: Machine, stub: Path) -> None:
    output = run_gdb(stub, "spoor bt 1")
    assert "thread 1 'main' of init: blocked receive" in output
    for function in ("thread_\\w+", "\\w*receive", "syscall_dispatch"):
        assert re.search(rf"^#\d+ +0xffffffff8\w+ {function}\+0x\w+ \(kernel/", output, re.MULTILINE), output


def test_shows_what_each_core_runs(idle: Machine, stub: Path) -> None:
    output = run_gdb(stub, "spoor percpu")
    rows = re.findall(r"^ +(\d) +\d +0 idle +0xffffffff8\w+ \w+", output, re.MULTILINE)
    assert rows == ["0", "1", "2", "3"], output


def test_says_what_is_wrong(idle: Machine, stub: Path) -> None:
    arguments = ["-batch", "-ex", "spoor bt 4711"]
    done = subprocess.run(gdb_command(stub, "debug", arguments), capture_output=True, text=True, timeout=GDB_SECONDS)
    assert "no thread 4711" in done.stderr


def test_the_machine_goes_on_when_gdb_has_left(idle: Machine, stub: Path) -> None:
    run_gdb(stub, "spoor threads", "detach")
    with idle.at_prompt() as kdebug:
        assert kdebug.reason == "break"
