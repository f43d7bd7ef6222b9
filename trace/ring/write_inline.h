/* SPDX-License-Identifier: MIT */
/*
 * The body of the functions of write.h, for the few files where calling them would make the caller save all its registers: they
 * map trace_write_0() and so on to it before they include gen/trace_emit.h (kernel/ipc/direct.c).
 */
#pragma once

#include "base/types.h"
#include "trace/ring/ring.h"
#include "trace/ring/write.h"

/* trace_slow_write() - the sub-buffer is full, or the lane takes nothing, or the event has a hook. */
void trace_slow_write(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2,
                      uint64_t word3);

static ALWAYS_INLINE void trace_write_inline(struct trace_lane *lane, uint64_t header,
                                             unsigned count, uint64_t word1, uint64_t word2,
                                             uint64_t word3)
{
    uint64_t position = lane->position;
    if (UNLIKELY(position >= lane->room)) {
        trace_slow_write(lane, header, word1, word2, word3);
        return;
    }
    uint64_t *record = (uint64_t *)(lane->window + position);
    if (count > 0) {
        record[1] = word1;
    }
    if (count > 1) {
        record[2] = word2;
    }
    if (count > 2) {
        record[3] = word3;
    }
    /* The payload is stored before the clock is read: its registers are free then. */
    __asm__ volatile("" ::: "memory");
    trace_commit(lane, record, 8 * (1 + count), header);
}
