/* SPDX-License-Identifier: MIT */
/*
 * Levels: where a thread stands among those that are ready, and for how long it may run there.
 *
 *      31 ┐ real time: the thread's priority, for ever. Equals take turns.
 *      16 ┘
 *      15 ┐ feedback: around the thread's priority. A slice used up sinks it by one, a block in the
 *       0 ┘ first half of a slice lifts it by one: p - FEEDBACK_FALL .. p + FEEDBACK_RISE.
 *
 * High levels have short slices: who only reacts is served soon, who computes is disturbed seldom.
 * A real-time thread starves whoever is below, as asked; among feedback threads nobody starves
 * (A1 in run_queue.h).
 */
#pragma once

#include "base/types.h"

#define LEVEL_COUNT        32u
#define LEVEL_REAL_TIME    16u /* the lowest of the fixed levels */
#define LEVEL_FEEDBACK_TOP (LEVEL_REAL_TIME - 1)
#define FEEDBACK_RISE      2u
#define FEEDBACK_FALL      4u

#define SLICE_REAL_TIME_NS 10000000ull
#define SLICE_SHORTEST_NS  2000000ull /* at LEVEL_FEEDBACK_TOP */
#define SLICE_STEP_NS      1000000ull /* longer by this for each level below */

static inline bool level_is_real_time(unsigned level)
{
    return level >= LEVEL_REAL_TIME;
}

/* level_slice_ns() - how long a thread may run before an equal gets its turn. */
static inline ns_t level_slice_ns(unsigned level)
{
    if (level_is_real_time(level)) {
        return SLICE_REAL_TIME_NS;
    }
    return SLICE_SHORTEST_NS + (LEVEL_FEEDBACK_TOP - level) * SLICE_STEP_NS;
}

/* level_sunk() - of a thread at this level that has used a whole slice. */
static inline unsigned level_sunk(unsigned level, unsigned priority)
{
    unsigned floor = priority > FEEDBACK_FALL ? priority - FEEDBACK_FALL : 0;
    return level_is_real_time(priority) || level <= floor ? level : level - 1;
}

/* level_risen() - of a thread that blocked early in its slice. */
static inline unsigned level_risen(unsigned level, unsigned priority)
{
    unsigned ceiling = MIN(priority + FEEDBACK_RISE, LEVEL_FEEDBACK_TOP);
    return level_is_real_time(priority) || level >= ceiling ? level : level + 1;
}
