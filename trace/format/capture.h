/* SPDX-License-Identifier: MIT */
/*
 * A capture (.spoor): a stream of blocks, each with its own checksum and sequence number, so that a cut or damaged file
 * still gives every intact block. All little endian. A reader that loses the thread looks for the next magic whose header
 * checksum holds.
 *
 * Checksums are CRC-32C (Castagnoli, reflected, initial value and final xor ~0), the one the CPU computes.
 */
#pragma once

#include <stdint.h>

#include "trace/ring/layout.h"

#define CAPTURE_MAGIC   0x4b425053u /* "SPBK" */
#define CAPTURE_VERSION 1u

enum capture_type {
    CAPTURE_START =
        1, /* struct trace_region as it was when the capture began; first block of every session */
    CAPTURE_SCHEMA = 2, /* schema text (gen/trace_schema.h), hash = trace_region.schema_hash */
    CAPTURE_SUBBUF =
        3, /* struct capture_subbuf, then the committed bytes of one sub-buffer from its header on */
    CAPTURE_VERDICT =
        4, /* struct capture_verdict: a sub-buffer sent before was overwritten while it was sent */
    CAPTURE_STATUS =
        5, /* struct trace_lane [lane_count] as they were; at the start and the end of a session */
    CAPTURE_END = 6,     /* struct capture_end: the session ended in order */
    CAPTURE_SYMBOLS = 7, /* kernel symbols as text lines "hex-address name\n", sorted; optional */
};

struct capture_block {
    uint32_t magic;
    uint16_t type; /* enum capture_type; a reader skips types it does not know */
    uint16_t version;
    uint64_t sequence; /* 0, 1, 2 ... within a session */
    uint64_t bytes;    /* of payload that follow */
    uint32_t payload_crc;
    uint32_t header_crc; /* of the 28 bytes before it */
};

struct capture_subbuf {
    uint32_t lane;     /* index into trace_region.lane */
    uint32_t complete; /* 1: the sub-buffer was finished; 0: it may grow, and may be sent again */
    uint64_t position; /* same as in its header */
};

struct capture_verdict {
    uint64_t sequence; /* of the block that holds the bad sub-buffer */
};

struct capture_end {
    uint64_t blocks;      /* blocks of this session before this one */
    uint64_t overwritten; /* sub-buffers that the consumer came too late for */
};

#define CAPTURE_PAYLOAD_MAX 0x400000u /* no block is longer; a header that says so is damaged */

_Static_assert(sizeof(struct capture_block) == 32, "part of the format");
