/* SPDX-License-Identifier: MIT */
/* Stands in for trace/ring/ring.h in the generator's tests: lanes in plain memory, same interface. */
#pragma once

#include "base/types.h"
#include "trace/ring/layout.h"
#include "trace/ring/write.h"

extern uint64_t meta_record[1 + TRACE_WORDS_MAX];
extern const uint64_t *last_record; /* what was committed last, on any lane */

uint64_t *trace_advance(struct trace_lane *lane, unsigned bytes);

static inline uint64_t *trace_reserve(struct trace_lane *lane, unsigned bytes)
{
    if (lane->position + bytes > lane->limit) {
        return trace_advance(lane, bytes);
    }
    return (uint64_t *)(lane->base + (lane->position & lane->mask));
}

static inline void trace_commit(struct trace_lane *lane, uint64_t *record, unsigned bytes,
                                uint64_t header)
{
    record[0] = header;
    last_record = record;
    lane->events++;
    lane->position += bytes;
}

void trace_meta_write(uint64_t header, const uint64_t *words, unsigned count);
