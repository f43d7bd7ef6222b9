# SPDX-License-Identifier: MIT
"""
The frame of a capture file (trace/format/capture.h, trace/ring/layout.h): blocks, sub-buffers, record headers.

Only what tests and benchmarks need to look at the raw bytes; everything else asks spoor-trace.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = 0x4B425053
BLOCK = struct.Struct("<IHHQQII")  # magic, type, version, sequence, bytes, payload CRC, header CRC
SUBBUF_BLOCK = struct.Struct("<IIQ")  # lane, complete, position
SUBBUF_HEADER_BYTES = 80
TYPE_START, TYPE_SCHEMA, TYPE_SUBBUF, TYPE_VERDICT, TYPE_STATUS, TYPE_END, TYPE_SYMBOLS = range(1, 8)


@dataclass(frozen=True)
class Block:
    """A block and where it lies in the file."""

    offset: int
    type: int
    sequence: int
    payload: bytes

    @property
    def bytes(self) -> int:
        return BLOCK.size + len(self.payload)


def read_blocks(data: bytes) -> Iterator[Block]:
    """The blocks of an undamaged capture, in file order. ValueError: it is damaged."""
    offset = 0
    while offset < len(data):
        if offset + BLOCK.size > len(data):
            raise ValueError(f"cut inside the block header at {offset:#x}")
        magic, kind, _, sequence, count, _, _ = BLOCK.unpack_from(data, offset)
        if magic != MAGIC or offset + BLOCK.size + count > len(data):
            raise ValueError(f"no intact block at {offset:#x}")
        yield Block(offset, kind, sequence, data[offset + BLOCK.size:offset + BLOCK.size + count])
        offset += BLOCK.size + count


def read_records(block: Block) -> Iterator[tuple[int, int]]:
    """Event id and bytes of every record in a SUBBUF block, padding (id 0) left out."""
    at = SUBBUF_BLOCK.size + SUBBUF_HEADER_BYTES
    while at + 8 <= len(block.payload):
        header, = struct.unpack_from("<Q", block.payload, at)
        count = 8 * (1 + (header >> 9 & 0x1F))
        if header & 0x1FF:
            yield header & 0x1FF, count
        at += count
