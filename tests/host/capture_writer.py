# SPDX-License-Identifier: MIT
"""Writes captures (trace/format/README.md) record by record, for tests that know what is in them.

    capture = Capture(cpus=2)
    capture.thread(11, "client", process=3)
    capture.start_core(0, running=11)
    capture.emit(0, 100, "syscall.enter", number=0, arg0=0)
    data = capture.finish()

Written from the description of the format; the tables of events come from the generator (spoor_gen).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import spoor_gen

SUBBUF_BYTES = 0x4000
HEADER_BYTES = 80
REGION_MAGIC = 0x6E6F69676552
REGION_VERSION = 3
SUBBUF_MAGIC = 0x46425553
BLOCK_MAGIC = 0x4B425053
LANES_MAX = 65
RING_BYTES = 0x40000

START, SCHEMA, SUBBUF, VERDICT, STATUS, END, SYMBOLS = range(1, 8)
NORMAL, NMI, META = range(3)
BOOT_ID = 0xB007


def make_crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = make_crc_table()


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


@dataclass
class Lane:
    cpu: int
    kind: int
    ring: int = RING_BYTES
    data: bytearray = field(default_factory=bytearray)  # of the sub-buffer under way
    position: int = 0  # of its header
    events: int = 0
    lost: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    refused: tuple[int, int, int] = (0, 0, 0)  # at its end, because it is full: how many, first and last time
    current: int = 0
    drop_next: bool = False
    unread: int = 0  # for the header of sub-buffers begun from now on: 1 + those that the consumer has not taken


def block(kind: int, sequence: int, payload: bytes, version: int = 1) -> bytes:
    head = struct.pack("<IHHQQI", BLOCK_MAGIC, kind, version, sequence, len(payload), crc32c(payload))
    return head + struct.pack("<I", crc32c(head)) + payload


class Capture:
    """Lanes: 0 meta, 1 + 2 * cpu normal, 2 + 2 * cpu NMI."""

    def __init__(self, cpus: int = 1, khz: int = 1000000, clock: tuple[int, int] = (0, 0),
                 unix: tuple[int, int] = (0, 0), boot_id: int = BOOT_ID, schema: str = spoor_gen.SCHEMA_TEXT) -> None:
        self.cpus = cpus
        self.khz = khz
        self.clock = clock
        self.unix = unix
        self.boot_id = boot_id
        self.schema = schema
        self.lanes = [Lane(0, META)]
        for cpu in range(cpus):
            self.lanes += [Lane(cpu, NORMAL), Lane(cpu, NMI)]
        self.on_emit: Callable[[int, int, str, int, dict[str, Any]], None] | None = None  # instead of emit_record()
        self.blocks: list[bytes] = []
        self.sequence = 0
        self.sent: dict[tuple[int, int], int] = {}  # lane and position to the sequence of the block
        self.add(START, self.region())
        self.add(SCHEMA, schema.encode())
        self.add(STATUS, self.status())

    # ---- blocks ----

    def add(self, kind: int, payload: bytes) -> int:
        self.blocks.append(block(kind, self.sequence, payload))
        self.sequence += 1
        return self.sequence - 1

    def region(self) -> bytes:
        head = struct.pack("<QIIIIQQQQQQQQQQ", REGION_MAGIC, REGION_VERSION, len(self.lanes), self.cpus, SUBBUF_BYTES,
                           0x10000 + len(self.lanes) * RING_BYTES, self.boot_id, schema_hash(self.schema), self.khz,
                           self.clock[0], self.clock[1], self.unix[0], self.unix[1], 0x7FF, 0x1D)
        head += b"Spoor test".ljust(64, b"\0") + b"trace=all".ljust(256, b"\0")
        for index, lane in enumerate(self.lanes):
            head += struct.pack("<QQQQII", 0x1000 + 128 * index, 0x10000 + index * RING_BYTES, RING_BYTES, 0, lane.cpu,
                                lane.kind)
        return head.ljust(len(head) + 40 * (LANES_MAX - len(self.lanes)), b"\0")

    def control(self, lane: Lane) -> bytes:
        position = lane.position + len(lane.data)
        limit = lane.position + SUBBUF_BYTES
        refused, first, last = lane.refused
        return struct.pack("<7Q4QQQIHH2Q", position, limit - 40, 0, lane.events, limit, 0, lane.ring - 1,
                           lane.lost[0] + refused, *lane.lost[1:], first, last, 0, lane.cpu, lane.kind, 0, 0)

    def status(self) -> bytes:
        return b"".join(self.control(lane) for lane in self.lanes)

    # ---- records ----

    def start_core(self, cpu: int, running: int) -> None:
        self.lanes[1 + 2 * cpu].current = running

    def begin(self, lane: Lane, tsc: int) -> None:
        lane.data = bytearray(struct.pack("<IHHQQQQ4QII", SUBBUF_MAGIC, lane.cpu, lane.kind, self.boot_id,
                                          lane.position, lane.events, tsc, *lane.lost, lane.current, lane.unread))

    def write(self, index: int, tsc: int, event: int, words: list[int], small: int = 0) -> None:
        """A raw record; emit() knows the schema."""
        lane = self.lanes[index]
        size = 8 * (1 + len(words))
        if lane.data and len(lane.data) + size > SUBBUF_BYTES:
            self.next_subbuf(index)
        if not lane.data:
            self.begin(lane, tsc)
        header = (tsc & (1 << 42) - 1) << 22 | small << 14 | len(words) << 9 | event
        lane.data += struct.pack(f"<{1 + len(words)}Q", header, *words)
        lane.events += 1

    def emit(self, cpu: int, tsc: int, event_name: str, /, lane: int = NORMAL, **values: Any) -> None:
        """One event with its fields by name; values of enums may be given by name, too."""
        if self.on_emit is not None:
            self.on_emit(cpu, tsc, event_name, lane, values)
        else:
            self.emit_record(cpu, tsc, event_name, lane, values)

    def emit_record(self, cpu: int, tsc: int, event_name: str, lane: int, values: dict[str, Any]) -> None:
        values = dict(values)
        event = spoor_gen.EVENTS[event_name]
        words = [0] * event["words"]
        small = 0
        for item in event["fields"]:
            value = values.pop(item["name"])
            if item["bits"] == 0:
                text = value.encode()
                text += bytes(-len(text) % 8)
                words += struct.unpack(f"<{len(text) // 8}Q", text)
                continue
            if isinstance(value, str):
                value = spoor_gen.ENUMS[item["enum"]][value]
            value &= (1 << item["bits"]) - 1
            if item["word"] == 0:
                small |= value << item["shift"] - 14
            else:
                words[item["word"] - 1] |= value << item["shift"]
        assert not values, f"{event_name} has no field {list(values)}"
        index = 0 if event["meta"] else 1 + 2 * cpu + (lane == NMI)
        self.write(index, tsc, event["id"], words, small)
        if event_name == "sched.thread.switch":
            self.lanes[index].current = words[0] >> 24 & 0xFFFFFF

    def next_subbuf(self, index: int) -> None:
        """Finish the sub-buffer under way: pad, send or drop it."""
        lane = self.lanes[index]
        while len(lane.data) < SUBBUF_BYTES:
            words = min((SUBBUF_BYTES - len(lane.data)) // 8 - 1, 30)
            lane.data += struct.pack("<Q", words << 9) + b"\xa5" * (8 * words)
        if not lane.drop_next:
            self.send(index, complete=True)
        lane.drop_next = False
        lane.position += SUBBUF_BYTES
        lane.data = bytearray()

    def send(self, index: int, complete: bool = False) -> int:
        lane = self.lanes[index]
        payload = struct.pack("<IIQ", index, complete, lane.position) + bytes(lane.data)
        sequence = self.add(SUBBUF, payload)
        self.sent[index, lane.position] = sequence
        return sequence

    def verdict(self, sequence: int) -> None:
        self.add(VERDICT, struct.pack("<Q", sequence))

    def finish(self) -> bytes:
        for index, lane in enumerate(self.lanes):
            if lane.data:
                self.send(index)
        self.add(STATUS, self.status())
        self.add(END, struct.pack("<QQ", self.sequence, 0))
        return b"".join(self.blocks)

    # ---- shorthands ----

    def process(self, number: int, name: str, tsc: int = 1010, creator: int = 1) -> None:
        self.emit(0, tsc, "life.process.create", process=number, creator=creator, name=name)

    def thread(self, tid: int, name: str, process: int = 3, tsc: int = 1020, priority: int = 8) -> None:
        self.emit(0, tsc, "life.thread.create", thread=tid, process=process, priority=priority, name=name)

    def mailbox(self, number: int, name: str, process: int = 2, tsc: int = 1030) -> None:
        self.emit(0, tsc, "life.object.name", type=4, object=number, process=process, name=name)

    def switch(self, cpu: int, tsc: int, prev: int, following: int, state: str = "preempted",
               reason: str = "pick") -> None:
        self.emit(cpu, tsc, "sched.thread.switch", state=state, reason=reason, prev=prev, next=following, priority=8)

    def wake(self, cpu: int, tsc: int, tid: int, target: int = 0, reason: str = "message") -> None:
        self.emit(cpu, tsc, "sched.thread.wake", reason=reason, thread=tid, cpu=target, priority=8)


def schema_hash(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value
