/* SPDX-License-Identifier: MIT */
/*
 * Priority lent through calls.
 *
 * A thread that serves a call, or that others wait for to receive theirs, counts as much as the
 * most urgent of those who wait for it, through chains of calls. Nothing is stored on the way of a
 * fast call: the slice goes to the server with its level (sched.c), and when the server has to be
 * queued, its level is worked out from whom it serves. A lender is named by the ticket of its wait
 * (thread.h), so the loan ends by itself when that wait ends, however it ends.
 */
#include "base/assert.h"
#include "sched/thread_impl.h"

/* Chains of calls are followed this far: a level that is too low for a slice does no harm. */
#define CHAIN_MAX 4u

/* Who waits with this ticket for a call to be served; NULL: the wait is over. */
static const struct thread *find_caller(uint64_t ticket)
{
    uint64_t slot = ticket & ((1ull << THREAD_SLOT_BITS) - 1);
    if (ticket == 0 || slot >= THREAD_MAX) {
        return NULL;
    }
    const struct thread *caller = thread_slots[slot];
    bool waits =
        caller != NULL && atomic_load_explicit(&caller->ticket, memory_order_relaxed) == ticket;
    return waits ? caller : NULL;
}

static unsigned level_within(const struct thread *thread, unsigned chain)
{
    if (LIKELY((thread->serving | thread->lent_by) == 0) || chain == CHAIN_MAX) {
        return thread->level;
    }
    unsigned level = thread->level;
    const struct thread *served = find_caller(thread->serving);
    const struct thread *queued = find_caller(thread->lent_by);
    if (served != NULL) {
        level = MAX(level, level_within(served, chain + 1));
    }
    if (queued != NULL) {
        level = MAX(level, level_within(queued, chain + 1));
    }
    return level;
}

void thread_lend(struct thread *thread, const struct thread *caller, uint64_t ticket)
{
    if (thread_level(caller) > thread_level(thread)) {
        *(volatile uint64_t *)&thread->lent_by = ticket;
    }
    /* Also if it counts for as much already, through whom it serves: it may have been queued before. */
    sched_relevel(thread);
}

unsigned thread_level_lent(const struct thread *thread)
{
    return level_within(thread, 0);
}
