# SPDX-License-Identifier: MIT
"""A client of QEMU's machine protocol (QMP): commands with answers, events that can be awaited.

One thread reads. Answers carry the id of their command; events are kept in the order they came, so that an event which
arrives before anybody waits for it is not lost.
"""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from typing import Any

from .errors import MachineError, MachineTimeout

Json = dict[str, Any]


class QmpClient:
    """A connected QMP socket. Methods may be called from any thread."""

    def __init__(self, connection: socket.socket, timeout: float = 10.0) -> None:
        self._socket = connection
        self._file = self._socket.makefile("r", encoding="utf-8")
        self._changed = threading.Condition()
        self._ids = itertools.count(1)
        self._answers: dict[int, Json] = {}
        self._events: list[Json] = []
        self._closed = False
        self._thread = threading.Thread(target=self._read, name="qmp", daemon=True)
        self._thread.start()
        self.command("qmp_capabilities", timeout=timeout)

    def command(self, name: str, arguments: Json | None = None, timeout: float = 30.0) -> Any:
        """Run a command and return its result. MachineError: QEMU refused it, or is gone."""
        number = next(self._ids)
        request: Json = {"execute": name, "id": number}
        if arguments:
            request["arguments"] = arguments
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise MachineError(f"QEMU is gone (qmp {name}): {error}") from error
        deadline = time.monotonic() + timeout
        with self._changed:
            while number not in self._answers:
                if self._closed:
                    raise MachineError(f"QEMU ended before it answered qmp {name}")
                if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    raise MachineTimeout(f"QEMU did not answer qmp {name} within {timeout:g} s")
            answer = self._answers.pop(number)
        if "error" in answer:
            raise MachineError(f"qmp {name}: {answer['error'].get('desc', answer['error'])}")
        return answer["return"]

    def wait_event(self, *names: str, timeout: float) -> Json | None:
        """Take the first event with one of these names; None when none came in time or QEMU has ended."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for index, event in enumerate(self._events):
                    if event["event"] in names:
                        return self._events.pop(index)
                left = deadline - time.monotonic()
                if self._closed or left <= 0:
                    return None
                self._changed.wait(left)

    def seen_event(self, name: str) -> Json | None:
        """The first event of that name so far, left in place."""
        with self._changed:
            return next((event for event in self._events if event["event"] == name), None)

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(2.0)
        self._file.close()
        self._socket.close()

    def _read(self) -> None:
        try:
            for line in self._file:
                self._take(json.loads(line))
        except (OSError, ValueError):
            pass
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _take(self, message: Json) -> None:
        with self._changed:
            if "event" in message:
                self._events.append(message)
            elif "id" in message:
                self._answers[message["id"]] = message
            self._changed.notify_all()
