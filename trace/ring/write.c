/* SPDX-License-Identifier: MIT */
/* The hot path of the recorder (write.h). Instruction counts matter here: `make bench`, keys trace.event.*. */
#include "trace/ring/write.h"

#include "arch/cpu.h"
#include "trace/ring/hook.h"
#include "trace/ring/ring.h"
#include "trace/ring/write_inline.h"

_Static_assert(TRACE_WRITE_WORDS_MAX == 3, "room in trace_advance() and the functions below");

static COLD void write_slowly(struct trace_lane *lane, uint64_t header, uint64_t word1,
                              uint64_t word2, uint64_t word3)
{
    uint64_t packed[] = {header, word1, word2, word3};
    unsigned bytes = 8 * (1 + TRACE_WORDS(header));
    lane = trace_hook_decide(lane, packed);
    uint64_t *record = lane == NULL ? NULL : trace_reserve(lane, bytes);
    if (record == NULL) {
        return;
    }
    for (unsigned i = 1; i < ARRAY_COUNT(packed) && i < bytes / 8; i++) {
        record[i] = packed[i];
    }
    trace_commit(lane, record, bytes, header);
}

/* Threads that consume the trace come here with each of their events, so their way back is short. */
COLD void trace_slow_write(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2,
                           uint64_t word3)
{
    if (lane->kind != TRACE_LANE_EXEMPT) {
        write_slowly(lane, header, word1, word2, word3);
    }
}

void trace_write_0(struct trace_lane *lane, uint64_t header)
{
    trace_write_inline(lane, header, 0, 0, 0, 0);
}

void trace_write_1(struct trace_lane *lane, uint64_t header, uint64_t word1)
{
    trace_write_inline(lane, header, 1, word1, 0, 0);
}

void trace_write_2(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2)
{
    trace_write_inline(lane, header, 2, word1, word2, 0);
}

void trace_write_3(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2,
                   uint64_t word3)
{
    trace_write_inline(lane, header, 3, word1, word2, word3);
}
