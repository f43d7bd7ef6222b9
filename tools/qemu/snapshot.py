# SPDX-License-Identifier: MIT
"""
Machines that start where another one has already got to.

Power-on costs many seconds of firmware before the first line of ours runs. Two saved states avoid it:

    machine_from_firmware()   the firmware's shell, no disk read yet. Loader and kernel run whole, with any disk and any
                              command line: one state per number of cores and memory size serves nearly all tests.
    machine_from_snapshot()   wherever a given disk and command line had got to when the serial line said something.

The first to ask boots the machine and saves its state to build/snapshots/; the others load that file. The key of a
state is everything that decides it. A state is QEMU's migration stream in a plain file, not a savevm snapshot: that
needs no qcow2 copies of disk and firmware variables, several QEMUs can load it at once, and none can change it.
"""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from . import paths
from .config import MachineConfig
from .errors import MachineError, MachineTimeout
from .machine import Machine

BOOT_SECONDS = 180.0
SHELL_SECONDS = 30.0
SHELL = r"Shell> "
LOADER = r"\EFI\BOOT\BOOTX64.EFI"


def machine_from_firmware(config: MachineConfig) -> Machine:
    """A machine, not yet started, that runs the loader from the firmware's shell instead of from power-on."""
    disk_bytes = (config.esp or paths.esp_image(config.mode)).stat().st_size
    further_bytes = config.disk.stat().st_size if config.disk else 0
    base = dataclasses.replace(config, name="firmware", mode="", cmdline=None, esp=None, capture=None, gdb=None,
                               hold=False, disk=None, disk_faults=None)
    state = _state_file("firmware", repr(base), str(disk_bytes), str(further_bytes))
    _make_once(state, lambda unfinished: _save_shell(base, disk_bytes, further_bytes, unfinished))
    return Machine(config, state, _start_loader)


def machine_from_snapshot(config: MachineConfig, ready: str) -> Machine:
    """
    A machine, not yet started, that goes on from where the serial line said 'ready'.

    What it said up to there is not on its own serial line. config.capture must not be set: the consumer's output before
    that point would be missing.
    """
    if config.capture is not None:
        raise ValueError("a machine with a capture file cannot start from a snapshot")
    disk = config.esp or paths.esp_image(config.mode)
    base = dataclasses.replace(config, name="", esp=None, gdb=None, hold=False)
    status = os.stat(disk)
    state = _state_file("ready", repr(base), ready, f"{disk.resolve()} {status.st_size} {status.st_mtime_ns}")
    _make_once(state, lambda unfinished: _save_ready(config, ready, unfinished))
    return Machine(config, state)


def _state_file(kind: str, *facts: str) -> Path:
    key = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:20]
    return paths.work_folder() / "snapshots" / f"{kind}-{key}.state"


def _make_once(state: Path, make: Callable[[Path], None]) -> None:
    """Make a state unless it is there; if several processes ask at once, one makes it and the others wait."""
    state.parent.mkdir(parents=True, exist_ok=True)
    with state.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not state.exists():
            unfinished = state.with_suffix(".part")
            make(unfinished)
            unfinished.rename(state)


def _empty_disk(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


def _save_shell(base: MachineConfig, disk_bytes: int, further_bytes: int, target: Path) -> None:
    """Power on with empty disks of the right sizes, so that no driver of the firmware has seen their contents."""
    disk = _empty_disk(target.with_suffix(".disk"), disk_bytes)
    further = _empty_disk(target.with_suffix(".further"), further_bytes)
    with Machine(dataclasses.replace(base, esp=disk, disk=further if further_bytes else None)) as machine:
        # The shell counts five seconds down before its prompt. A key would end that sooner, but is lost now and then.
        machine.expect(SHELL, BOOT_SECONDS)
        machine.save_state(target)
    disk.unlink()
    further.unlink()


def _wait_shell(machine: Machine) -> None:
    """The firmware drops what a busy host does not read in time, even its prompt: then a return asks for another."""
    for _ in range(3):
        try:
            machine.serial.expect(SHELL, SHELL_SECONDS / 2)
            return
        except MachineTimeout:
            machine.send("\r")
    machine.expect(SHELL, SHELL_SECONDS)


def _start_loader(machine: Machine) -> None:
    for command in ("connect -r", "map -r"):
        machine.send(command + "\r")
        _wait_shell(machine)
    for volume in ("fs0:", "fs1:"):  # a further disk may have files, too, and come first
        machine.send(f"{volume}{LOADER}\r")
        if "Spoor" in machine.expect("Spoor boot loader|is not recognized", SHELL_SECONDS)[0]:
            return
    raise MachineError(f"the firmware finds no {LOADER}")


def _save_ready(config: MachineConfig, ready: str, target: Path) -> None:
    _drop_old(target.parent, paths.esp_image(config.mode).stat().st_mtime)
    boot = machine_from_firmware(dataclasses.replace(config, name=f"{config.name}-boot", gdb=None, hold=False))
    with boot as machine:
        machine.expect(ready, BOOT_SECONDS)
        machine.save_state(target)


def _drop_old(folder: Path, built: float) -> None:
    """States of earlier builds are of no more use."""
    for state in folder.glob("ready-*.state"):
        if state.stat().st_mtime < built:
            state.unlink(missing_ok=True)
