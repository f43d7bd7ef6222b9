/* SPDX-License-Identifier: MIT */
/* The lanes of the generator's tests. A sub-buffer takes 16 records of one word, so that the slow path is taken, too. */
#include "trace/ring/hook.h"
#include "trace/ring/ring.h"

#include <string.h>

#define RING_BYTES   0x10000u
#define SUBBUF_BYTES 256u

static uint64_t normal_ring[RING_BYTES / 8];
static uint64_t always_ring[RING_BYTES / 8];
struct trace_lane normal_lane = {.mask = RING_BYTES - 1, .limit = SUBBUF_BYTES};
struct trace_lane always_lane = {.mask = RING_BYTES - 1, .limit = SUBBUF_BYTES};
uint64_t meta_record[1 + TRACE_WORDS_MAX];
const uint64_t *last_record;

void lanes_init(void);

void lanes_init(void)
{
    memset(normal_ring, 0xaa, sizeof(normal_ring));
    memset(always_ring, 0xaa, sizeof(always_ring));
    normal_lane.base = (uint64_t)normal_ring;
    always_lane.base = (uint64_t)always_ring;
}

uint64_t *trace_advance(struct trace_lane *lane, unsigned bytes)
{
    lane->position = lane->limit;
    lane->limit += bytes > SUBBUF_BYTES ? bytes : SUBBUF_BYTES;
    if (lane->limit > RING_BYTES) {
        lane->position = 0;
        lane->limit = SUBBUF_BYTES;
    }
    return (uint64_t *)(lane->base + lane->position);
}

void trace_meta_write(uint64_t header, const uint64_t *words, unsigned count)
{
    meta_record[0] = header;
    last_record = meta_record;
    if (count != 0) {
        memcpy(&meta_record[1], words, sizeof(uint64_t) * count);
    }
}

void trace_write_0(struct trace_lane *lane, uint64_t header)
{
    trace_commit(lane, trace_reserve(lane, 8), 8, header);
}

void trace_write_1(struct trace_lane *lane, uint64_t header, uint64_t word1)
{
    uint64_t *record = trace_reserve(lane, 16);
    record[1] = word1;
    trace_commit(lane, record, 16, header);
}

void trace_write_2(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2)
{
    uint64_t *record = trace_reserve(lane, 24);
    record[1] = word1;
    record[2] = word2;
    trace_commit(lane, record, 24, header);
}

void trace_write_3(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2,
                   uint64_t word3)
{
    uint64_t *record = trace_reserve(lane, 32);
    record[1] = word1;
    record[2] = word2;
    record[3] = word3;
    trace_commit(lane, record, 32, header);
}

struct trace_lane trace_hook_lanes[2];

struct trace_lane *trace_hook_decide(struct trace_lane *lane, const uint64_t *record)
{
    return record[0] == 0 ? 0 : lane;
}
