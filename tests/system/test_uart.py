# SPDX-License-Identifier: MIT
"""The service `serial`: bytes through COM2, there and back."""

from __future__ import annotations

import random
import threading
from pathlib import Path

from conftest import BootFunction, kill_process, wait_all_done

from qemu.machine import TIMEOUT_SCALE
from qemu.process import Pipes

BYTES = 8_000
LAST_OF_FIRMWARE = b"entering the kernel"


def echo(pipes: Pipes, sent: bytes) -> bytes:
    """Send all, and take as much at the same time, as far as it comes."""
    came = bytearray()

    def take() -> None:
        while len(came) < len(sent) and (data := pipes.read()):
            came.extend(data)

    reader = threading.Thread(target=take, daemon=True)
    reader.start()
    pipes.write(sent)
    reader.join(60 * TIMEOUT_SCALE)
    return bytes(came)


def test_bytes_come_back_as_they_went(boot: BootFunction, tmp_path: Path) -> None:
    """Also after the driver was killed."""
    pipes = Pipes(tmp_path / "com2")
    machine = boot(cpus=2, cmdline=f"workload=line:bytes={2 * BYTES}", power_on=True,
                   extra=("-chardev", f"pipe,id=com2,path={tmp_path / 'com2'}", "-serial", "chardev:com2"))
    pipes.open()
    try:
        machine.expect("^line: ready$", 120)
        screen = b""  # the firmware's, which is on this line, too
        while LAST_OF_FIRMWARE not in screen or not screen.endswith(b"\n"):
            screen += pipes.read()
        sent = random.Random(1).randbytes(BYTES)
        assert echo(pipes, sent) == sent
        kill_process(machine, "serial")
        machine.expect("^line: ready again$", 60)
        sent = random.Random(2).randbytes(BYTES)
        assert echo(pipes, sent) == sent
        machine.expect(f"^line: received {BYTES}, lost 0 and 0$", 60)
        assert wait_all_done(machine, 60) == (1, 0)
    finally:
        pipes.close()


def test_a_machine_without_the_port(boot: BootFunction) -> None:
    machine = boot(cpus=1, cmdline="workload=ipcload:calls=10 services=serial")
    machine.expect("^serial: no port com2: ERR_NOT_FOUND$", 60)
    assert wait_all_done(machine, 60) == (1, 0)
