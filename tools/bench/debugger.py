# SPDX-License-Identifier: MIT
"""What it costs to get into kdebug, and what gdb has to ask the stub in the kernel."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from qemu import paths
from qemu.config import MachineConfig
from qemu.machine import Machine
from qemu.snapshot import machine_from_firmware
from spoorlib.console import Progress, UserError

from figures import Figure
from guest import SHIFT

STOPS = 7
CORES = 4
SECONDS = 120.0
GDB_SECONDS = 300
PANIC_PORT = 0x505  # of pvpanic: who writes there is held by QEMU in that instruction
MARK = b"$qRcmd," + b"echo mark".hex().encode()
NEXTS = 10


def instructions(machine: Machine) -> int:
    """That all cores have executed so far. The machine is held."""
    return int(machine.qmp("query-replay")["icount"])


def wait_status(machine: Machine, status: str) -> None:
    limit = time.monotonic() + SECONDS
    while machine.qmp("query-status")["status"] != status:
        if time.monotonic() > limit:
            raise UserError(f"the machine does not become {status!r}")


def measure_entry(mode: str, progress: Progress) -> dict[str, Figure]:
    """
    From BREAK to the prompt, while every core spins with interrupts off: instructions of all cores together, the first
    command's among them. Those of parked cores count, too, as they take turns with the one that prints.
    """
    progress.say("counting instructions from BREAK to the prompt ...")
    config = MachineConfig(name="bench-entry", cpus=CORES, mode=mode, icount=SHIFT,
                           cmdline="workload=none test=spin_cli tracer=0",
                           extra=("-device", "pvpanic", "-action", "panic=pause"))
    counts: list[int] = []
    with machine_from_firmware(config) as machine:
        machine.expect("test: spin_cli", SECONDS)
        for _ in range(STOPS):
            with machine.at_prompt() as kdebug:
                kdebug.command(f'macro enter "out {PANIC_PORT:#x} 1 /b"')
            machine.qmp("stop")
            before = instructions(machine)
            machine.send_break()
            machine.qmp("cont")
            wait_status(machine, "guest-panicked")
            counts.append(instructions(machine) - before)
            machine.qmp("cont")
            kdebug = machine.wait_prompt(SECONDS)
            kdebug.command("macro enter")
            kdebug.resume()
    return {"kdebug.break_to_prompt": Figure(min(counts), median(counts))}


class Line:
    """The serial line of a machine for a gdb that connects to a socket; keeps what gdb has sent, and counts."""

    def __init__(self, machine: Machine, path: Path) -> None:
        self.sent = bytearray()
        self.marks: list[int] = []  # bytes both ways, each time a mark went by
        self._received = 0
        self._machine = machine
        self._peer: socket.socket | None = None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        machine.on_serial(self._take, lambda: None)
        threading.Thread(target=self._serve, daemon=True).start()

    def _take(self, data: bytes) -> None:
        if self._peer is not None:
            self._received += len(data)
            with contextlib.suppress(OSError):  # it has hung up
                self._peer.sendall(data)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed: the end
            self._peer, _ = self._listener.accept()
            while data := self._peer.recv(4096):
                self.sent += data
                if MARK in data:
                    self.marks.append(len(self.sent) + self._received)
                self._machine.send(data)

    def close(self) -> None:
        self._listener.close()


def run_gdb(machine: Machine, mode: str, *commands: str) -> tuple[str, Line]:
    """What gdb says at this prompt, and the line as it was."""
    with tempfile.TemporaryDirectory() as folder:
        line = Line(machine, Path(folder) / "line")
        arguments = ["gdb", "-nx", "-batch", "-ex", "set pagination off", "-ex", "set width 0",
                     "-ex", "set remotetimeout 60",
                     str(paths.kernel_elf(mode)), "-ex", f"target remote {folder}/line"]
        for command in commands:
            arguments += ["-ex", command]
        try:
            done = subprocess.run(arguments, capture_output=True, text=True, timeout=GDB_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserError(f"gdb: {error}") from None
        finally:
            line.close()
        return done.stdout + done.stderr, line


def measure_next(mode: str, progress: Progress) -> dict[str, Figure]:
    """Packets that gdb sends for a 'next' over a source line of the kernel."""
    progress.say("counting packets of gdb's next ...")
    config = MachineConfig(name="bench-next", cpus=CORES, mode=mode, cmdline="workload=ipcload:calls=15 kdebug=wait")
    with machine_from_firmware(config) as machine:
        machine.wait_prompt(SECONDS)
        steps = [command for _ in range(NEXTS) for command in ("monitor echo mark", "next")]
        output, line = run_gdb(machine, mode, "break process_create", "continue", *steps, "monitor echo mark", "detach")
    parts = bytes(line.sent).split(MARK)[1:-1]
    if len(parts) != NEXTS:
        raise UserError(f"gdb did not come through {NEXTS} times 'next':\n{output}")
    counts = [len(re.findall(rb"\$[^#]*#", part.split(b"#", 1)[1])) for part in parts]
    return {"kdebug.gdb_next_packets": Figure(min(counts), median(counts), "packets")}


def measure_debugger(mode: str, progress: Progress) -> dict[str, Figure]:
    return measure_entry(mode, progress) | measure_next(mode, progress)
