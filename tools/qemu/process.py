# SPDX-License-Identifier: MIT
"""QEMU as a child process that cannot outlive us and cannot fail to start unnoticed."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from .errors import MachineError

PR_SET_PDEATHSIG = 1
CONNECT_SECONDS = 20.0
PIPE_BYTES = 1 << 20

_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    # Kept across exec: the kernel ends QEMU when the thread that started it ends, however that happens.
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def listen(path: Path) -> socket.socket:
    """A unix socket that QEMU will connect to."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(1)
    return listener


def _open_fifo(path: Path, mode: int) -> int:
    file = os.open(path, mode | os.O_NONBLOCK)  # there may be nobody at the other end
    with contextlib.suppress(PermissionError):  # a user with many pipes has to do with 64 KiB
        fcntl.fcntl(file, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return file


class Pipes:
    """
    Two FIFOs, PATH.in and PATH.out, that a QEMU gets as one character device.

    Not a socket: that holds no more than 278 pieces of a byte each, which is how a UART writes. When we are not run
    for a moment, the UART has to wait, and firmware that waits for it gives up after 0.2 ms and drops the rest of its
    line.
    """

    def __init__(self, path: Path) -> None:
        """Before QEMU starts."""
        self._input = path.with_name(path.name + ".in")
        output = path.with_name(path.name + ".out")
        os.mkfifo(self._input)
        os.mkfifo(output)
        self._files = [_open_fifo(output, os.O_RDONLY)]

    def open(self) -> None:
        """When QEMU has opened its ends; from now on the end of what it says is QEMU's end. OSError: it has ended."""
        self._files.append(_open_fifo(self._input, os.O_WRONLY))
        for file in self._files:
            os.set_blocking(file, True)

    def write(self, data: bytes) -> None:
        """Returns when all is on its way. OSError: nobody will read it."""
        while data:
            data = data[os.write(self._files[1], data):]

    def read(self) -> bytes:
        """What came; waits for the first byte. Nothing: the end."""
        return os.read(self._files[0], 65536)

    def close(self) -> None:
        while self._files:
            os.close(self._files.pop())


class QemuProcess:
    """
    A running QEMU, in a session of its own so that Ctrl-C is ours alone.

    Start it on a thread that lives as long as the machine shall (usually the main thread): it ends with that thread.
    """

    def __init__(self, arguments: list[str], log: Path) -> None:
        if shutil.which(arguments[0]) is None:
            raise MachineError(f"{arguments[0]} is not installed: run 'make deps'")
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                             preexec_fn=_die_with_parent, start_new_session=True)
        self._pidfd = os.pidfd_open(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def accept(self, listener: socket.socket) -> socket.socket:
        """Wait until QEMU has connected. MachineError: it ended instead; the message holds what it said."""
        ready, _, _ = select.select([listener, self._pidfd], [], [], CONNECT_SECONDS)
        if listener not in ready:
            reason = "ended at once" if ready else "did not start"
            raise MachineError(f"QEMU {reason}: {self.output() or 'it said nothing'}")
        return listener.accept()[0]

    def output(self) -> str:
        return self.log.read_text(errors="replace").strip()

    def wait(self, timeout: float) -> bool:
        """Wait for its end; False when it still runs."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        if not self.ended:
            self._process.kill()
            self._process.wait()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def cpu_seconds(self) -> float:
        """Host CPU time it has used so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
