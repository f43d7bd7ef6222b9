# SPDX-License-Identifier: MIT
"""
A trace in the Common Trace Format 1.8 (https://diamon.org/ctf/v1.8.3/), as LTTng writes them: one stream of context
switches, for babeltrace2 to read.
"""

from __future__ import annotations

import struct
import uuid
from pathlib import Path

PACKET_EVENTS = 10_000
MAGIC = 0xC1FC1FC1
HEADER = struct.Struct("<I16sI")      # magic, trace's UUID, stream
CONTEXT = struct.Struct("<QQQQQ")     # first and last time, bits of content, bits of packet, events discarded
EVENT = struct.Struct("<HQIII")       # id, time, previous thread, its state, next thread

METADATA = """/* CTF 1.8 */
typealias integer {{ size = 16; align = 8; signed = false; }} := uint16_t;
typealias integer {{ size = 32; align = 8; signed = false; }} := uint32_t;
typealias integer {{ size = 64; align = 8; signed = false; }} := uint64_t;
typealias integer {{ size = 8; align = 8; signed = false; }} := uint8_t;
trace {{
    major = 1; minor = 8; uuid = "{uuid}"; byte_order = le;
    packet.header := struct {{ uint32_t magic; uint8_t uuid[16]; uint32_t stream_id; }};
}};
clock {{ name = "tsc"; freq = 1000000000; }};
typealias integer {{ size = 64; align = 8; signed = false; map = clock.tsc.value; }} := time_t;
stream {{
    id = 0;
    packet.context := struct {{
        time_t timestamp_begin; time_t timestamp_end; uint64_t content_size; uint64_t packet_size;
        uint64_t events_discarded;
    }};
    event.header := struct {{ uint16_t id; time_t timestamp; }};
}};
event {{
    id = 1; name = "sched_switch"; stream_id = 0;
    fields := struct {{ uint32_t prev_tid; uint32_t prev_state; uint32_t next_tid; }};
}};
"""


def write(folder: Path, events: int) -> None:
    """Two threads that take turns each microsecond."""
    folder.mkdir(parents=True, exist_ok=True)
    identity = uuid.UUID(int=0x5B00B)
    (folder / "metadata").write_text(METADATA.format(uuid=identity))
    with (folder / "stream_0").open("wb") as file:
        for first in range(0, events, PACKET_EVENTS):
            times = range(first * 1000, min(first + PACKET_EVENTS, events) * 1000, 1000)
            body = b"".join(EVENT.pack(1, time, 1 + time // 1000 % 2, 1, 2 - time // 1000 % 2) for time in times)
            bits = 8 * (HEADER.size + CONTEXT.size + len(body))
            file.write(HEADER.pack(MAGIC, identity.bytes, 0))
            file.write(CONTEXT.pack(times[0], times[-1], bits, bits, 0))
            file.write(body)
