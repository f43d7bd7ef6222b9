# SPDX-License-Identifier: MIT
"""gdb's side of the serial line without gdb: packets asked one by one, every byte counted, every answer checked."""

from __future__ import annotations

import queue
import re
from dataclasses import dataclass
from xml.etree import ElementTree

from spoorlib.gdb_split import PacketReader, packet

from .machine import TIMEOUT_SCALE, Machine

ANSWER_SECONDS = 20.0
FEATURES = b"qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+;xmlRegisters=i386"
PIECE = 0x1000  # what gdb 13 asks for at once
INTERRUPT = b"\x03"


class GdbFailure(Exception):
    """An answer that gdb would complain about; `kind` is one word for the count."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(f"{kind}: {what}")
        self.kind = kind


@dataclass(frozen=True)
class ThreadRow:
    """A thread as the list has it."""

    id: str
    name: str
    state: str
    core: int | None


def expand(data: bytes) -> bytes:
    """Undo run-length encoding: "0*=" is a 0 and '=' - 29 further ones."""
    return re.sub(rb"(.)\*(.)", lambda run: run[1] * (run[2][0] - 28), data, flags=re.DOTALL)


def unescape(data: bytes) -> bytes:
    return re.sub(rb"\}(.)", lambda pair: bytes([pair[1][0] ^ 0x20]), data, flags=re.DOTALL)


class GdbClient:
    """Speaks to the stub in the kernel over a machine's line, which stands at the prompt."""

    def __init__(self, machine: Machine) -> None:
        self.sent = self.received = 0  # bytes on the line, since the start
        self.asked = 0                 # packets
        self._machine = machine
        self._reader = PacketReader(spans_lines=True)
        self._answers: queue.Queue[bytes | None] = queue.Queue()  # None: a damaged one
        machine.on_serial(self._take, lambda: self._answers.put(None))

    def connect(self) -> None:
        """What gdb 13 begins with, as far as the stub goes by it."""
        self._send(b"+" + packet(FEATURES))
        self._answer(FEATURES)
        self.ask(b"QStartNoAckMode")
        self._send(b"+")
        self.document("features", "target.xml")

    def close(self) -> None:
        """The line is the console's again."""
        self._machine.on_serial(lambda data: None, lambda: None)

    def ask(self, payload: bytes) -> bytes:
        """The answer to a packet, with runs expanded. GdbFailure: none, a damaged one, or an error."""
        self._send(packet(payload))
        self.asked += 1
        answer = self._answer(payload)
        if re.fullmatch(rb"E[0-9a-f]{2}", answer):
            raise GdbFailure("refused", f"{payload!r}: {answer!r}")
        return answer

    def resume(self, payload: bytes = b"vCont;c") -> None:
        """Let threads go on. The machine is not waited for."""
        self._send(packet(payload))

    def interrupt(self) -> bytes:
        """Break in, as ^C in gdb does. Returns the stop reply."""
        self._send(INTERRUPT)
        return self.wait_stop()

    def wait_stop(self) -> bytes:
        """The reply of the next stop."""
        return self._answer(b"a stop")

    def monitor(self, line: str) -> str:
        """A command of kdebug, and what it prints."""
        self._send(packet(b"qRcmd," + line.encode().hex().encode()))
        text = ""
        while (answer := self._answer(line.encode())) != b"OK":
            if answer[:1] != b"O":
                raise GdbFailure("refused", f"{line}: {answer!r}")
            text += bytes.fromhex(answer[1:].decode()).decode()
        return text

    def document(self, name: str, annex: str = "") -> bytes:
        """One of the documents of qXfer, piece by piece."""
        whole = b""
        while True:
            piece = self.ask(b"qXfer:%s:read:%s:%x,%x" % (name.encode(), annex.encode(), len(whole), PIECE))
            if piece[:1] not in (b"m", b"l"):
                raise GdbFailure("no document", f"{name}: {piece[:40]!r}")
            whole += unescape(piece[1:])
            if piece[:1] == b"l":
                return whole

    def threads(self) -> list[ThreadRow]:
        """All threads, as the list that gdb reads for 'info threads' has them."""
        try:
            rows = ElementTree.fromstring(self.document("threads"))
        except ElementTree.ParseError as error:
            raise GdbFailure("no document", str(error)) from None
        return [ThreadRow(row.get("id", ""), row.get("name", ""), row.text or "",
                          int(row.get("core", "")) if row.get("core") else None) for row in rows]

    def plain_threads(self) -> list[str]:
        """The ids alone, as an older gdb asks for them."""
        ids: list[str] = []
        answer = self.ask(b"qfThreadInfo")
        while answer[:1] == b"m":
            ids += answer[1:].decode().split(",")
            answer = self.ask(b"qsThreadInfo")
        if answer != b"l":
            raise GdbFailure("no list", repr(answer[:40]))
        return ids

    def registers(self, thread: str) -> bytes:
        """Those of a thread, in hex; 'x' for what nobody knows."""
        if self.ask(b"Hg" + thread.encode()) != b"OK":
            raise GdbFailure("not selected", thread)
        return self.ask(b"g")

    def _send(self, data: bytes) -> None:
        self.sent += len(data)
        self._machine.send(data)

    def _answer(self, payload: bytes) -> bytes:
        try:
            answer = self._answers.get(timeout=ANSWER_SECONDS * TIMEOUT_SCALE)
        except queue.Empty:
            raise GdbFailure("silence", repr(payload)) from None
        if answer is None:
            raise GdbFailure("damaged", repr(payload))
        return expand(answer)

    def _take(self, data: bytes) -> None:
        self.received += len(data)
        for piece in self._reader.feed(data):
            if piece.is_packet:
                self._answers.put(piece.payload)
            elif piece.data.startswith(b"$"):
                self._answers.put(None)
