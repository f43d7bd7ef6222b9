/* SPDX-License-Identifier: MIT */
/*
 * The order in which locks have been taken: of which class one was taken while which other was held, and where that was first
 * seen. Kept by debug builds, for `locks order`. Theory: lock_order.c.
 */
#pragma once

#include "sync/lock_check.h"
#include "sync/lock_rank.h"
#include "sync/spinlock.h"

/* One pair of classes; nothing in it has been seen while taken_at is 0. */
struct lock_order {
    const char *held, *taken;  /* names of the two locks that were the first */
    _Atomic uint64_t held_at;  /* where the one had been taken; who sets it writes the rest */
    _Atomic uint64_t taken_at; /* where the other was taken, written last */
};

#define LOCK_ORDERS (LOCK_RANKS * LOCK_RANKS)
extern struct lock_order lock_orders[CONFIG_DEBUG ? LOCK_ORDERS : 1];
extern const uint32_t lock_order_count; /* of the table's entries; a release build has none */

/*
 * lock_order_note() - this core takes a lock while it holds others.
 *
 * @check  what it holds
 * @site   the address in who takes it
 *
 * Cannot fail. Context: any in which locks are taken; several cores at once. Cost: a load for each lock held.
 */
void lock_order_note(const struct lock_check *check, const struct spinlock *lock, uint64_t site);

/*
 * lock_order_index() - the pair's place in the table. Of two locks of one rank, the second is taken under a rank of its own (the
 * check allows that), in the order of their addresses; against it is a pair of its own, in the row of rank 0, which no lock has.
 */
static inline unsigned lock_order_index(unsigned held, unsigned taken, bool against)
{
    return held == taken && against ? taken : held * LOCK_RANKS + taken;
}

/* lock_order_opposite() - the place of the same two classes the other way round. */
static inline unsigned lock_order_opposite(unsigned index)
{
    unsigned held = index / LOCK_RANKS, taken = index % LOCK_RANKS;
    return held == 0 ? lock_order_index(taken, taken, false)
                     : lock_order_index(taken, held, held == taken);
}
