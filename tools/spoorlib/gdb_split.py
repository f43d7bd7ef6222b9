# SPDX-License-Identifier: MIT
"""
Telling gdb's packets from the console's text on one serial line. Pure: bytes in, bytes out.

The stub in the kernel (kdebug/remote) shares its line with the log. A packet is `$PAYLOAD#XX`, XX being the sum of the
payload modulo 256; before it may come an acknowledgement, `+` or `-`. Text may hold a `$` and a `+`, so:

1. What begins with `$` is a packet only if it ends in a right sum before the next `$` and before the end of the line;
   otherwise it is text. Line ends may be in the answers to gdb's requests for bytes as they are (a stopped machine says
   nothing else then), and in what gdb sends.
2. `+` and `-` are acknowledgements only as often as gdb has sent packets that are to be acknowledged.
3. Every byte goes to exactly one side, in order; at most one unfinished packet is held back.
"""

from __future__ import annotations

from dataclasses import dataclass

# Longer than any answer of the stub (PacketSize in kdebug/remote/stub.c).
PACKET_MAX = 16384
RESUMES = (b"c", b"C", b"s", b"S", b"vCont;")
LEAVES = (b"D", b"k", b"vKill")
ASKS_BYTES = (b"qXfer:", b"vFile:", b"x")


def packet(payload: bytes) -> bytes:
    """A payload as it goes over the line."""
    return b"$%s#%02x" % (payload, sum(payload) & 0xFF)


def is_packet(data: bytes) -> bool:
    """Whether that is one whole packet with a right sum."""
    try:
        return data[:1] == b"$" and data[-3:-2] == b"#" and int(data[-2:], 16) == sum(data[1:-3]) & 0xFF
    except ValueError:
        return False


@dataclass(slots=True)
class Piece:
    """A run of bytes that is either one packet or no part of any."""

    data: bytes
    is_packet: bool

    @property
    def payload(self) -> bytes:
        return self.data[1:-3]


class PacketReader:
    """Cuts a stream into packets and what lies between them."""

    def __init__(self, spans_lines: bool = False) -> None:
        self._held = b""
        self._always_spans = spans_lines
        self.spans_lines = spans_lines  # whether the next packet may go over the end of a line

    def feed(self, data: bytes) -> list[Piece]:
        data, self._held = self._held + data, b""
        pieces: list[Piece] = []
        while data:
            start = data.find(b"$")
            if start != 0:
                end = start if start > 0 else len(data)
                pieces.append(Piece(data[:end], False))
                data = data[end:]
                continue
            length = _packet_length(data, self.spans_lines)
            if length is None:
                self._held = data
                break
            piece = data[:length]
            pieces.append(Piece(piece, is_packet(piece)))
            data = data[length:]
            if pieces[-1].is_packet:
                self.spans_lines = self._always_spans
        return pieces


def _packet_length(data: bytes, spans_lines: bool) -> int | None:
    """Length of what begins with '$', packet or not; None: its end is not here yet."""
    hash_at = data.find(b"#")
    for stop in (data.find(b"$", 1), -1 if spans_lines else data.find(b"\n")):
        if 0 <= stop and (hash_at < 0 or stop < hash_at + 3):
            return stop
    if hash_at < 0:
        return None if len(data) < PACKET_MAX else len(data)
    return hash_at + 3 if len(data) >= hash_at + 3 else None


class Splitter:
    """Both directions of a line that gdb has the use of."""

    def __init__(self) -> None:
        self._from_gdb = PacketReader(spans_lines=True)
        self._from_line = PacketReader()
        self._acknowledges = True
        self._acks_due = 0
        self.is_running = False  # gdb has let the machine go, and it has not reported a stop since
        self.has_left = False    # gdb has taken its leave as it should

    def watch(self, data: bytes) -> None:
        """Note what gdb sends. All of it goes to the line as it is."""
        for piece in self._from_gdb.feed(data):
            if not piece.is_packet:
                continue
            self._acks_due += self._acknowledges
            if piece.payload == b"QStartNoAckMode":
                self._acknowledges = False
            self.is_running = piece.payload.startswith(RESUMES)
            self.has_left = piece.payload.startswith(LEAVES)
            self._from_line.spans_lines = piece.payload.startswith(ASKS_BYTES)

    def split(self, data: bytes) -> tuple[bytes, bytes]:
        """What the line says, as (text for the console, bytes for gdb)."""
        text, packets = bytearray(), bytearray()
        for piece in self._from_line.feed(data):
            if piece.is_packet:
                packets += piece.data
                self.is_running = False
                continue
            for byte in piece.data:
                if self._acks_due and byte in b"+-":
                    self._acks_due -= 1
                    packets.append(byte)
                else:
                    text.append(byte)
        return bytes(text), bytes(packets)
