/* SPDX-License-Identifier: MIT */
/*
 * Lock order: a table of pairs of classes, filled as pairs are first seen.
 *
 * A class is a rank, as in the check: there are few, they are known when the kernel is built, and a table of all pairs can neither
 * overflow nor need memory. Where a rank has locks of several names (heap caches), a pair has the names of the first two.
 *
 * The check refuses most wrong orders before they can do harm. What it cannot judge is two locks of one rank whose order their
 * callers promise, by address. These have two entries, one for each way round, and both filled is what a deadlock needs.
 *
 *      core                                        kdebug, all stopped
 *          held_at there?    yes: seen before          taken_at there?    no: not seen, or being written
 *          held_at 0 -> site (locked; one wins)        names, sites
 *          names
 *          taken_at = site   (release)
 *
 * No lock, no loop but that over the locks held, nothing that waits: a core stopped for ever in the middle leaves one pair unsaid.
 * Nobody interrupts a core here and takes locks: interrupts are off, and NMI-class code takes none.
 *
 * Rejected: counts, a store to a shared line for each lock taken; names as classes, a table to search that can be full.
 */
#include "sync/lock_order.h"

struct lock_order lock_orders[CONFIG_DEBUG ? LOCK_ORDERS : 1];
const uint32_t lock_order_count = CONFIG_DEBUG ? LOCK_ORDERS : 0;

static void note_pair(const struct lock_held *held, const struct spinlock *lock, uint64_t site)
{
    const struct spinlock *first = held->lock;
    unsigned index = lock_order_index(first->rank, lock->rank, lock < first);
    uint64_t unseen = 0;
    if (first == lock || index >= lock_order_count) {
        return;
    }
    struct lock_order *order = &lock_orders[index];
    if (LIKELY(atomic_load_explicit(&order->held_at, memory_order_relaxed) != 0) ||
        !atomic_compare_exchange_strong_explicit(&order->held_at, &unseen, held->site,
                                                 memory_order_relaxed, memory_order_relaxed)) {
        return;
    }
    order->held = first->name;
    order->taken = lock->name;
    /* Whoever stops the machine reads this first, and the rest if it is there. */
    atomic_store_explicit(&order->taken_at, site, memory_order_release);
}

void lock_order_note(const struct lock_check *check, const struct spinlock *lock, uint64_t site)
{
    for (uint32_t i = 0; i < check->count; i++) {
        note_pair(&check->held[i], lock, site);
    }
}
