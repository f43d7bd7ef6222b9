/* SPDX-License-Identifier: MIT */
/*
 * Triggers: when an event matches, something happens besides its record: a mark, recording ends, kdebug is entered.
 *
 * A trigger is looked at where filters are, in the hooked form of the event's sites (hook.h); who has none pays nothing. An
 * emitter may run anywhere, with locks held or in an NMI handler, so what it can do at once is little:
 *
 *     at once                   the record, behind it trace.trigger in the same lane; what matched, in trace_hits[];
 *                               kdebug from normal context, which needs nothing of the kernel
 *     at the next safe point    recording is held; kdebug from NMI-class context; what is missing is looked for
 *
 * A safe point is this core's way to user mode, or its idle loop (CPU_WORK_TRIGGER). So it comes at the latest when the
 * system call, fault or interrupt ends that is in progress. A trigger that waits for something also looks at the end of each
 * sub-buffer and at each interrupt of the timer.
 *
 * G1  The record that sets a trigger off is written first and is the one before trace.trigger; filters do not matter for
 *     it, only whether it is written. An event with a string is the exception: its record comes behind.
 * G2  As H1: a trigger changes only while no site of its events is hooked.
 * G3  A hit that waits for its safe point is not overwritten by a later one of the same core.
 */
#pragma once

#include "base/types.h"
#include "kernel/abi/trace.h"
#include "trace/ring/burst.h"
#include "trace/ring/filter.h"
#include "trace/ring/history.h"
#include "trace/ring/layout.h"

#define TRACE_TRIGGERS_MAX 8u

struct trace_trigger {
    bool is_used;
    struct trace_trigger_wish wish;
    struct trace_filter filter, first_filter;
    struct trace_history history;
    struct trace_burst burst;
    atomic_uint hits;
    _Atomic uint64_t
        hold_at; /* stop, snapshot: trace_events_total() at which to hold; 0: not set off */
    _Atomic uint64_t set_off_at;
};

/* What set a trigger off. */
struct trace_hit {
    unsigned trigger; /* number, from 0 */
    bool waits;       /* for a safe point, to enter kdebug */
    tsc_t elapsed;    /* with a relation: since its first event */
    uint64_t number;  /* TRACE_RELATION_BURST: the so-manieth that matched */
    struct trace_moment moment;
};

extern struct trace_trigger trace_triggers[TRACE_TRIGGERS_MAX];
extern struct trace_hit trace_hits[CPU_MAX]; /* the newest of each core */

/* Who looks out for an event: 0 nobody, else the number of the trigger + 1, with FIRST if it is the first event of it. */
#define TRACE_TRIGGER_FIRST 0x80u
extern uint8_t trace_trigger_of[];

/*
 * trace_trigger_set() - from now on this trigger and no other watches wish->event.
 *
 * ERR_BAD_ARGUMENT: as trace_filter_make() says, for both events; no such action or relation; a key that is no number;
 * first is event itself; a burst of more than TRACE_BURST_MAX, or within 0 ns. ERR_BUSY: another trigger has `first`. ERR_NO_MEMORY: there are TRACE_TRIGGERS_MAX.
 * Context: as trace_hook_set().
 */
status_t trace_trigger_set(const struct trace_trigger_wish *wish) MUST_CHECK;

/* trace_trigger_has_first() - whether it is about two events. */
static inline bool trace_trigger_has_first(const struct trace_trigger_wish *wish)
{
    return wish->relation == TRACE_RELATION_LATER || wish->relation == TRACE_RELATION_MISSING;
}

/* trace_trigger_make() - its filters, that of the first event too. ERR_BAD_ARGUMENT as above. Context: any. Pure. */
status_t trace_trigger_make(const struct trace_trigger_wish *wish, struct trace_filter *out,
                            struct trace_filter *out_first) MUST_CHECK;

/* trace_trigger_clear() - none watches this event any more. OK also if none did. */
status_t trace_trigger_clear(unsigned event) MUST_CHECK;

/*
 * trace_trigger_look() - an event passes that trace_trigger_of[] names.
 *
 * @lane     of the running context, @to: where to write it, or NULL
 * Returns where the record must still be written, or NULL.
 * Context: in an emitter.
 */
struct trace_lane *trace_trigger_look(struct trace_lane *lane, struct trace_lane *to,
                                      const uint64_t *record);

/* trace_trigger_waits() - something is to be looked for at safe points. Cost: one load. */
extern atomic_uint trace_triggers_waiting;
static inline bool trace_trigger_waits(void)
{
    return atomic_load_explicit(&trace_triggers_waiting, memory_order_relaxed) != 0;
}

/*
 * trace_trigger_serve() - do what has waited for a safe point.
 *
 * Returns the time of this core's clock at which something will be missing, at the earliest; 0: nothing is waited for.
 * Context: thread or idle, interrupts off, no lock held; may patch text, may enter kdebug.
 */
tsc_t trace_trigger_serve(void);
