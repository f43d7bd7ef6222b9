/* SPDX-License-Identifier: MIT */
/* What event.c and event_wait.c share; the theory, with E1 to E5, is in event.c. */
#pragma once

#include "gen/trace_emit.h"
#include "ipc/event.h"
#include "kernel/abi/event.h"
#include "sched/dispatch.h"

static inline bool event_holds(uint64_t signals, uint64_t mask, uint64_t flags)
{
    uint64_t set = signals & mask;
    return flags & EVENT_ALL ? set == mask : set != 0;
}

/* Win the right to end the wait of a condition that has been taken out. True: its thread is the caller's to make ready (E2). */
static inline bool event_claim(struct event_waiter *waiter, uint64_t signals)
{
    if (!thread_claim(waiter->thread, waiter->ticket)) {
        return false;
    }
    waiter->seen = signals;
    waiter->fired = true;
    return true;
}

/*
 * Clear, set, and end the waits whose condition holds now. Returns the last thread of those, claimed, which the caller makes ready when it
 * has let the lock go, or switches to; NULL: nobody has waited for this.
 */
static inline struct thread *event_signal_locked(struct event *event, uint64_t set, uint64_t clear)
{
    struct thread *last = NULL;
    unsigned woken = 0;
    event->signals = (event->signals & ~clear) | set;
    list_for_each_safe (node, following, &event->waiters) {
        struct event_waiter *waiter = LIST_ENTRY(node, struct event_waiter, link);
        uint64_t taken = waiter->flags & EVENT_CLEAR ? waiter->mask : 0;
        if (!event_holds(event->signals, waiter->mask, waiter->flags)) {
            continue;
        }
        list_remove(node);
        if (UNLIKELY(!event_claim(waiter, event->signals))) {
            continue;
        }
        event->signals &= ~taken;
        if (UNLIKELY(last != NULL)) {
            thread_ready(last, OK, TRACE_WAKE_REASON_SIGNAL);
        }
        last = waiter->thread;
        woken++;
    }
    trace_ipc_signal((uint8_t)MIN(woken, 255u), event->object.id, set);
    return last;
}

/* Out of the list, if nobody else has done it. */
static inline void event_leave(struct event_waiter *waiter)
{
    spinlock_acquire(&waiter->event->lock);
    list_remove(&waiter->link);
    spinlock_release(&waiter->event->lock);
}
