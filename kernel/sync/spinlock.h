/* SPDX-License-Identifier: MIT */
/*
 * Spin locks that can testify: name, rank, owner, acquiring address, how often taken and how often
 * waited for.
 *
 * Taken with interrupts off (the kernel runs so). Ticket order, so waiting is fair. The slow path
 * executes PAUSE and core_poll(). kdebug never takes one; it reads them.
 */
#pragma once

#include "arch/cpu.h"
#include "base/assert.h"
#include "base/types.h"
#include "sync/lock_rank.h"

struct spinlock {
    atomic_uint next;    /* ticket to hand out */
    atomic_uint serving; /* ticket that may enter */
    const char *name;
    uint16_t rank;      /* enum lock_rank */
    uint16_t owner;     /* core id + 1, 0 free; true only while debugging or by luck of timing */
    uint32_t contended; /* acquisitions that had to wait (written under the lock) */
    uint64_t acquired;  /* acquisitions (written under the lock) */
    uint64_t holder_pc; /* where it was taken */
};

#define SPINLOCK_INIT(name_, rank_)                                                                \
    {                                                                                              \
        .name = (name_), .rank = (rank_)                                                           \
    }

void spinlock_init(struct spinlock *lock, const char *name, enum lock_rank rank);

/* spinlock_wait() - slow path of spinlock_acquire(): until our ticket is served. */
void spinlock_wait(struct spinlock *lock, unsigned ticket);

/* How often a core had to wait for a lock, by rank: what `contended` says of locks that may be gone; and for which it waits now, NULL:
 * none, which kdebug reads. (o) */
struct lock_waits {
    uint64_t of_rank[LOCK_RANKS];
    _Atomic(const struct spinlock *) now;
};
extern struct lock_waits lock_waits[CPU_MAX];
/* spinlock_wait_begins() / spinlock_wait_ends() - this core waits for a lock; it has it now. In the trace, and counted. */
void spinlock_wait_begins(const struct spinlock *lock);
void spinlock_wait_ends(struct spinlock *lock);

/* In debug builds these are always inlined, so that whoever the checks return to is the one who takes the lock. */
#if CONFIG_DEBUG
#define SITE_INLINE ALWAYS_INLINE
#else
#define SITE_INLINE inline
#endif

/* Debug builds: rank order, which is also recorded, and interrupts-off, per core. Those of acquiring return where that is. */
uint64_t spinlock_check_acquire(struct spinlock *lock);
uint64_t spinlock_check_acquire_ranked(struct spinlock *lock, enum lock_rank rank);
void spinlock_check_release(struct spinlock *lock);

/* The part of acquiring that is not a check. */
static inline void spinlock_enter(struct spinlock *lock)
{
    unsigned ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
    if (UNLIKELY(atomic_load_explicit(&lock->serving, memory_order_acquire) != ticket)) {
        spinlock_wait(lock, ticket);
    }
    lock->acquired++;
    if (CONFIG_DEBUG) {
        lock->owner = (uint16_t)(cpu_id() + 1);
    }
}

/*
 * spinlock_acquire() - Context: interrupts off, not NMI class. Cost: one locked instruction when
 * free.
 */
static SITE_INLINE void spinlock_acquire(struct spinlock *lock)
{
    uint64_t site = 0;
    if (CONFIG_DEBUG) {
        site = spinlock_check_acquire(lock);
    }
    spinlock_enter(lock);
    if (CONFIG_DEBUG) {
        lock->holder_pc = site;
    }
}

/*
 * spinlock_acquire_ranked() - the second of two locks of one kind, under a rank of its own; the
 * caller orders the two.
 */
static SITE_INLINE void spinlock_acquire_ranked(struct spinlock *lock, enum lock_rank rank)
{
    uint64_t site = 0;
    if (CONFIG_DEBUG) {
        site = spinlock_check_acquire_ranked(lock, rank);
    }
    spinlock_enter(lock);
    if (CONFIG_DEBUG) {
        lock->holder_pc = site;
    }
}

/* spinlock_try() - acquire if it is free. False: somebody has it or waits for it. */
static SITE_INLINE bool spinlock_try(struct spinlock *lock)
{
    /* Pairs with the release of who had it last. */
    unsigned ticket = atomic_load_explicit(&lock->serving, memory_order_acquire);
    if (!atomic_compare_exchange_strong_explicit(&lock->next, &ticket, ticket + 1,
                                                 memory_order_relaxed, memory_order_relaxed)) {
        return false;
    }
    if (CONFIG_DEBUG) {
        lock->holder_pc = spinlock_check_acquire(lock);
        lock->owner = (uint16_t)(cpu_id() + 1);
    }
    lock->acquired++;
    return true;
}

/* The part of releasing that is not a check. */
static inline void spinlock_leave(struct spinlock *lock)
{
    if (CONFIG_DEBUG) {
        lock->owner = 0;
    }
    unsigned ticket = atomic_load_explicit(&lock->serving, memory_order_relaxed);
    atomic_store_explicit(&lock->serving, ticket + 1, memory_order_release);
}

/* spinlock_release() - Cost: one plain store; pairs with the acquire load of the next owner. */
static inline void spinlock_release(struct spinlock *lock)
{
    if (CONFIG_DEBUG) {
        spinlock_check_release(lock);
    }
    spinlock_leave(lock);
}

static inline bool spinlock_is_held(const struct spinlock *lock)
{
    return atomic_load_explicit(&lock->next, memory_order_relaxed) !=
           atomic_load_explicit(&lock->serving, memory_order_relaxed);
}
