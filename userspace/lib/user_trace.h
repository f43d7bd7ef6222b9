/* SPDX-License-Identifier: MIT */
/*
 * Events of a program: spans, instants, counters and flows in the timeline, without a system call.
 *
 *     uint32_t track = user_trace_open();             once in each thread that writes
 *     user_trace_name(WORK, "work");                  once for each id (below 2^24)
 *     USER_SPAN_BEGIN(track, WORK);  ...  USER_SPAN_END(track);
 *
 * Spans of one track must nest. A track is a thread, or any other number the program likes: requests, connections. If that is also
 * an id with a name, the track has it, too.
 * Before user_trace_open(), and if there is no lane left, the same macros write into memory that nobody reads.
 * Cost: 20 to 30 instructions; every USER_TRACE_BATCH records one system call that hands them over.
 */
#pragma once

#include "gen/trace_events.h"
#include "kernel/abi/user_trace.h"

/* Begin, end of a span. An instant with a value. The new value of a counter. A flow (any number) leaves here, arrives here. */
#define USER_SPAN_BEGIN(track, id)     user_trace_write(track, TRACE_USER_KIND_BEGIN, id, 0)
#define USER_SPAN_END(track)           user_trace_write(track, TRACE_USER_KIND_END, 0, 0)
#define USER_INSTANT(track, id, value) user_trace_write(track, TRACE_USER_KIND_INSTANT, id, value)
#define USER_COUNTER(id, value)        user_trace_write(0, TRACE_USER_KIND_COUNTER, id, value)
#define USER_FLOW_OUT(track, id, flow) user_trace_write(track, TRACE_USER_KIND_FLOW_OUT, id, flow)
#define USER_FLOW_IN(track, id, flow)  user_trace_write(track, TRACE_USER_KIND_FLOW_IN, id, flow)

/* user_trace_open() - make the lane known, if it is not yet; the track of the calling thread. Cannot fail. */
uint32_t user_trace_open(void);

/* user_trace_name() - what an id is called, up to NAME_BYTES - 1 letters. */
void user_trace_name(uint32_t id, const char *name);

/* user_trace_hand_over() - have the kernel record what the lane holds. */
void user_trace_hand_over(void);

extern struct user_trace_lane *user_trace_lane;

/* Threads may write at once and be interrupted anywhere: the number is theirs alone, the mark commits. */
static inline void user_trace_write(uint32_t track, enum trace_user_kind kind, uint32_t id,
                                    uint64_t value)
{
    struct user_trace_lane *lane = user_trace_lane;
    uint64_t number = __atomic_fetch_add(&lane->next, 1, __ATOMIC_RELAXED);
    struct user_trace_slot *slot = &lane->slot[number % USER_TRACE_SLOTS];
    uint32_t low, high;

    slot->value = value;
    slot->track = track;
    slot->kind_id = (uint32_t)kind << USER_TRACE_ID_BITS | id;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    slot->time = (uint64_t)high << 32 | low;
    __atomic_store_n(&slot->mark, number + 1, __ATOMIC_RELEASE);
    if (__builtin_expect((number + 1) % USER_TRACE_BATCH == 0, 0)) {
        user_trace_hand_over();
    }
}
