/* SPDX-License-Identifier: MIT */
/*
 * The short way into the ring, for records of up to three payload words: nearly all there are. The inline emitters that
 * are generated from events.toml pack the words at the site, where constants fold, and call one of these.
 *
 * header is the record's first word but its time, which is read here, between payload and header.
 * Context: any; the lane must be this context's (L1). A lane without room takes nothing and counts it (ring.c).
 * Cost: 14 to 17 instructions; no lock, no locked instruction, no loop, no call unless a sub-buffer ends.
 */
#pragma once

#include "base/types.h"
#include "trace/ring/layout.h"

#define TRACE_WRITE_WORDS_MAX 3u

void trace_write_0(struct trace_lane *lane, uint64_t header);
void trace_write_1(struct trace_lane *lane, uint64_t header, uint64_t word1);
void trace_write_2(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2);
void trace_write_3(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2,
                   uint64_t word3);

/* trace_lane() - where the running context writes. trace_lane_always() - also for exempt threads. */
static inline struct trace_lane *trace_lane(void)
{
    struct trace_lane *lane;
    __asm__ volatile("movq %%gs:48, %0" : "=r"(lane));
    return lane;
}

static inline struct trace_lane *trace_lane_always(void)
{
    struct trace_lane *lane;
    __asm__ volatile("movq %%gs:56, %0" : "=r"(lane));
    return lane;
}

/*
 * trace_publish() - the commit: the record is complete. One instruction that no interrupt can cut, and one producer: no
 * lock prefix. x86 keeps the order of stores, the compiler is told to.
 */
static inline void trace_publish(struct trace_lane *lane, unsigned bytes)
{
    lane->events++;
    SANITIZER_RELEASE(&lane->position);
    __asm__ volatile("addq %1, %0" : "+m"(lane->position) : "er"((uint64_t)bytes) : "memory", "cc");
}
