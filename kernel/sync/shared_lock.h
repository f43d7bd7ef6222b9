/* SPDX-License-Identifier: MIT */
/*
 * Locks that one core owns or many share, without meeting each other: sharing is a note in the core's own data. Theory:
 * shared_lock.c.
 *
 * A core may share two of them at a time, the second under a rank of its own; it may not own one that it shares. While it
 * shares one it takes locks of higher ranks as if it owned it.
 * Context: as for spin locks.
 */
#pragma once

#include "sync/spinlock.h"

struct shared_lock {
    struct spinlock
        spin; /* of owners, and of sharers who met one; first, so that kdebug shows it as one */
    atomic_bool is_owned; /* written under `spin` */
};

/* Which of the two: the second is locked after the first, with rank `rank` + 1. */
enum share { SHARE_FIRST, SHARE_SECOND };

static inline void shared_lock_init(struct shared_lock *lock, const char *name, enum lock_rank rank)
{
    spinlock_init(&lock->spin, name, rank);
    atomic_init(&lock->is_owned, false);
}

/* shared_lock_begin() - the holder of the ticket becomes the owner: new sharers wait for him, he waits for those inside. */
void shared_lock_begin(struct shared_lock *lock);
/* shared_lock_queue() - slow path of sharing: behind the owners that wait already. */
void shared_lock_queue(struct shared_lock *lock, enum share which);

/* shared_lock_acquire() - own it: nobody else owns or shares it. Cost: a locked instruction, a fence, a look at every core. */
static inline void shared_lock_acquire(struct shared_lock *lock)
{
    spinlock_acquire(&lock->spin);
    shared_lock_begin(lock);
}

/* shared_lock_acquire_ranked() - the second of two of one kind, under a rank of its own; the caller orders the two. */
static inline void shared_lock_acquire_ranked(struct shared_lock *lock, enum lock_rank rank)
{
    spinlock_acquire_ranked(&lock->spin, rank);
    shared_lock_begin(lock);
}

static inline void shared_lock_release(struct shared_lock *lock)
{
    /* Pairs with the acquire load in shared_lock_share(). */
    atomic_store_explicit(&lock->is_owned, false, memory_order_release);
    spinlock_release(&lock->spin);
}

/* shared_lock_share() - nobody owns it until shared_lock_unshare(). Cost: one locked instruction on a line of this core's. */
static inline void shared_lock_share(struct shared_lock *lock, enum share which)
{
    if (CONFIG_DEBUG) {
        spinlock_check_acquire_ranked(&lock->spin, lock->spin.rank + which);
    }
    /* The full fence between the note and the look: L1 of shared_lock.c. */
    (void)atomic_exchange_explicit(&this_cpu()->sharing[which], lock, memory_order_seq_cst);
    if (UNLIKELY(atomic_load_explicit(&lock->is_owned, memory_order_acquire))) {
        shared_lock_queue(lock, which);
    }
}

/* Pairs with the acquire load in shared_lock_begin(). */
static inline void shared_lock_unshare(struct shared_lock *lock, enum share which)
{
    if (CONFIG_DEBUG) {
        spinlock_check_release(&lock->spin);
    }
    atomic_store_explicit(&this_cpu()->sharing[which], NULL, memory_order_release);
}

/* shared_lock_is_shared() - by some core. For checks of a stopped machine. */
bool shared_lock_is_shared(const struct shared_lock *lock);
