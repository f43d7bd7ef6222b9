/* SPDX-License-Identifier: MIT */
/*
 * Bursts: has this event come more than so many times within the last so many ticks? For triggers (trigger.h).
 *
 * Emitters of all cores count, in any context, an NMI handler in the middle of another's step included, and a core may stand
 * still between any two instructions for as long as it likes. The answer is exact all the same, because an event, its time
 * and whether it fires become true by one compare-and-swap:
 *
 *     head      how many events there are, and how many of them since the last that fired
 *     at[]      when event i was, in place i % 256, and whether it fired. The newest may be there before head says so.
 *
 *          head = 7    5     6     7     8             place 8 is filled, from then on there is an event 8; then head
 *                    |t  .|t  F|t  .|   .|             is moved, by whoever comes first: nobody waits for anybody
 *
 * B1  Events have one order, that of their places; times grow in it. A clock behind that of the event before counts as one
 *     tick after it, so times are as exact as the clocks of the cores agree (trace.offset).
 * B2  Who fills place i knows all that was before i: it has seen head at i - 1 after it read the other places, and nobody
 *     writes to the place of i + 1 - 256 before i is there.
 * B3  The event that fires is the first one that makes it more than `more` within `within`, from the one on that fired
 *     before: counting begins anew with each that fires.
 * B4  Who has to try again was overtaken by an event that was counted. It stands in no one's way.
 *
 * The time of an event lies between the beginning of its emitter and the moment at which it is counted: some instructions, if
 * the core does not stand still there. tests/model/burst.pml tries all interleavings of a few. Rejected:
 * a place claimed by adding to head and filled afterwards: a core that stands still in between hides its event from the next
 * 255. A list of times per core: to fire on the very event it would need the others' newest times at one instant.
 */
#pragma once

#include "base/types.h"
#include "kernel/abi/trace.h"

#define TRACE_BURST_PLACES (TRACE_BURST_MAX + 1) /* for B2 */

/* All 0: nothing has been counted. The head is apart from what surrounds it: all cores write to it. */
struct trace_burst {
    _Alignas(64) _Atomic uint64_t head;                   /* number of events << 8 | since */
    _Alignas(64) _Atomic uint64_t at[TRACE_BURST_PLACES]; /* ticks << 1 | it fired */
};

/* More than `more` events within `within` ticks, the first and the last included. */
struct trace_burst_limit {
    unsigned more; /* at most TRACE_BURST_MAX; 0: each event is too many */
    tsc_t within;
};

/* What has become of an event. */
struct trace_burst_event {
    uint64_t number; /* from 1 */
    tsc_t time;      /* `now`, or later (B1) */
    tsc_t elapsed;   /* since the one that was `more` events before; fires only */
    bool fires;
};

/*
 * trace_burst_try() - count an event.
 *
 * @now  read just before: this is what is compared
 *
 * False: another event came in between (B4), so try again with a new time. Context: any. Pure. Cost: about 40 instructions.
 */
bool trace_burst_try(struct trace_burst *burst, const struct trace_burst_limit *limit, tsc_t now,
                     struct trace_burst_event *out) MUST_CHECK;

/* trace_burst_counted() - how many events there have been. Context: any. */
uint64_t trace_burst_counted(const struct trace_burst *burst);
