/* SPDX-License-Identifier: MIT */
/*
 * History: first events that wait for the one that belongs to them, by a key that both have. For triggers (trigger.h).
 *
 * Emitters of all cores put in and take out, in any context, so a place is claimed by one compare-and-swap and whoever does
 * not get it goes on: nobody waits. There are few places, and a key is looked for in some of them only; what finds none is counted.
 */
#pragma once

#include "base/types.h"

#define TRACE_HISTORY_PLACES 64u /* a power of two */
#define TRACE_MOMENT_WORDS   8u

/* A record and who wrote it, when. A string is not kept. */
struct trace_moment {
    tsc_t tsc;
    uint32_t thread;
    uint32_t words;
    uint64_t record[TRACE_MOMENT_WORDS];
};

struct trace_history {
    struct trace_place_kept {
        _Atomic uint64_t key; /* 0 free */
        struct trace_moment moment;
    } place[TRACE_HISTORY_PLACES];
    atomic_uint left_out;
};

/* trace_history_put() - a first event. One of the same key that still waits is forgotten. Context: any. */
void trace_history_put(struct trace_history *history, uint64_t key,
                       const struct trace_moment *moment);

/* trace_history_take() - the first event of this key, which waits no longer. False: none does. Context: any. */
bool trace_history_take(struct trace_history *history, uint64_t key, struct trace_moment *out);

/*
 * trace_history_take_old() - one that was put in at or before a time. False: none was; *out_next is then when the oldest
 * was, 0: there is none. Context: any.
 */
bool trace_history_take_old(struct trace_history *history, tsc_t before, struct trace_moment *out,
                            tsc_t *out_next);
