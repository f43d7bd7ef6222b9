# SPDX-License-Identifier: MIT
"""
Fixtures of the system tests: machines.

    boot(...)       start a machine; it ends with the test, and its logs are named after the test. Loader and kernel run
                    whole; the firmware before them only with power_on=True (tools/qemu/snapshot.py)
    at_ready(...)   the same from where the serial line said 'ready', for tests of what comes after
    idle_machine    one machine per test file that stands idle after init has finished

With pytest-xdist installed, two machines run at a time (SPOOR_JOBS=1 for one); tests of one file that share a machine
stay together. Waiting is always for an event; a time limit that runs out means a hang, and the failure then holds the
serial log's end, the registers and kdebug's backtrace of every core.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from qemu import paths  # noqa: E402
from qemu.config import MachineConfig  # noqa: E402
from qemu.kdebug import KdebugPrompt  # noqa: E402
from qemu.machine import Machine  # noqa: E402
from qemu.snapshot import machine_from_firmware, machine_from_snapshot  # noqa: E402

BOOT_SECONDS = 90.0
REST_SECONDS = 30.0
TRACE_ENDED = r"^init: (?:trace |no tracer|the tracer has ended)"
ALL_DONE = r"^init: all done: (\d+) passed, (\d+) failed$"
LAST_WORDS = 8  # lines
BootFunction = Callable[..., Machine]


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Two machines at a time, if xdist is there and the user has not chosen."""
    jobs = int(os.environ.get("SPOOR_JOBS", "2"))
    if "PYTEST_XDIST_WORKER" in os.environ:
        config.option.loadgroup = True  # a worker sees the command line only, not what is chosen below
        return  # and must not start workers of its own
    if jobs > 1 and config.pluginmanager.hasplugin("xdist") and config.option.numprocesses is None \
            and not config.option.collectonly and not config.option.usepdb:
        config.option.numprocesses = jobs
        config.option.dist = "loadgroup"


def log_name(request: pytest.FixtureRequest) -> str:
    """A file name made of the test's id, without the group that xdist appends."""
    name = request.node.nodeid.split("@")[0].rsplit("/", 1)[-1].replace(".py", "")
    return re.sub(r"[^\w.-]+", "-", name).strip("-")


def make_config(name: str, options: dict[str, Any]) -> MachineConfig:
    mode = os.environ.get("MODE", "debug")
    return MachineConfig(**{"name": name, "mode": mode, "cpus": 1, **options})


@pytest.fixture
def boot(request: pytest.FixtureRequest) -> Iterator[BootFunction]:
    """boot(cpus=, cmdline=, power_on=, ...) -> a started Machine; options are those of MachineConfig."""
    machines: list[Machine] = []

    def start(power_on: bool = False, **options: Any) -> Machine:
        suffix = f".{len(machines)}" if machines else ""
        config = make_config(log_name(request) + suffix, options)
        machine = Machine(config) if power_on else machine_from_firmware(config)
        machines.append(machine)
        machine.start()
        return machine

    yield start
    for machine in machines:
        machine.stop()


@pytest.fixture
def at_ready(request: pytest.FixtureRequest) -> Iterator[BootFunction]:
    """at_ready(ready, cpus=, cmdline=, ...) -> a Machine that goes on from where the serial line said 'ready'."""
    machines: list[Machine] = []

    def start(ready: str, **options: Any) -> Machine:
        machine = machine_from_snapshot(make_config(log_name(request), options), ready)
        machines.append(machine)
        machine.start()
        return machine

    yield start
    for machine in machines:
        machine.stop()


@pytest.fixture(scope="module")
def idle_machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Four cores, nothing to do: for tests that look but do not break."""
    config = make_config(Path(request.node.nodeid).stem + "-idle", {"cpus": 4, "cmdline": "workload=none"})
    with machine_from_firmware(config) as machine:
        wait_all_done(machine)
        machine.expect(TRACE_ENDED, BOOT_SECONDS)
        wait_for_rest(machine)
        yield machine


def wait_memory(machine: Machine, address: int, wanted: bytes) -> None:
    """Until the running guest has these bytes there: what the prompt was asked for is done behind the stop."""
    limit = time.monotonic() + REST_SECONDS
    while machine.read_virtual(address, len(wanted)) != wanted:
        assert time.monotonic() < limit, f"{address:#x} never became {wanted.hex()}"
        time.sleep(0.02)


def wait_for_rest(machine: Machine) -> None:
    """Look until init, which has said its last word, has also gone to wait for messages."""
    limit = time.monotonic() + REST_SECONDS
    while time.monotonic() < limit:
        with machine.at_prompt() as kdebug:
            if any(thread.tid == 1 and thread.state == "receive" for thread in kdebug.threads()):
                return
    raise AssertionError("init does not come to rest")


def wait_all_stopped(kdebug: KdebugPrompt, cores: int) -> str:
    """What 'cpus' says when so many cores stand: one whose virtual CPU the host holds back comes late."""
    limit = time.monotonic() + REST_SECONDS
    while (cpus := kdebug.command("cpus")).count("stopped") != cores:
        assert time.monotonic() < limit, cpus
    return cpus


def wait_until_halted(machine: Machine) -> None:
    """Until no core has anything to do, not even an interrupt to take; seen from outside, which holds nothing up."""
    limit = time.monotonic() + REST_SECONDS
    while not all(core.halted and core.interrupts_on for core in machine.registers()):
        assert time.monotonic() < limit, "the cores do not come to rest"


class Outcome(tuple[int, int]):
    """(passed, failed) of a workload's programs; a failed assertion also shows what they said last."""

    said: str

    def __repr__(self) -> str:
        return f"{super().__repr__()}{self.said}"


def wait_all_done(machine: Machine, timeout: float = BOOT_SECONDS) -> Outcome:
    """Wait for init's last word."""
    match = machine.expect(ALL_DONE, timeout)
    outcome = Outcome((int(match.group(1)), int(match.group(2))))
    lines = machine.serial.text[:match.start()].splitlines()
    outcome.said = " after " + " | ".join(lines[-LAST_WORDS:]) if outcome[1] > 0 else ""
    return outcome


def kill_process(machine: Machine, name: str) -> None:
    """End a process at the prompt, as a crash would."""
    with machine.at_prompt() as kdebug:
        row = re.search(rf"^ *(\d+) .*\b{name}\s*$", kdebug.command("processes"), re.MULTILINE)
        assert row, name
        kdebug.command(f"kill {row[1]}")


def count_objects(kdebug: KdebugPrompt) -> dict[str, int]:
    """How many objects of each type exist."""
    rows = re.findall(r"^ +(\d+)  (\w+)$", kdebug.command("objects"), re.MULTILINE)
    assert len(rows) >= 5
    return {name: int(count) for count, name in rows}


def private_esp(tmp_path: Path, cmdline: str | None = None) -> Path:
    """A copy of the boot disk that a test may damage."""
    from qemu.esp import copy_esp
    return copy_esp(paths.esp_image(os.environ.get("MODE", "debug")), tmp_path / "esp.img", cmdline)
