/* SPDX-License-Identifier: MIT */
/*
 * Spin locks: the slow path and what debug builds check.
 *
 * Tickets: fair, and the waiters are countable (next - serving). An MCS lock would spin on a line
 * of its own, but needs a node per waiter and a second look-up on release; with locks this
 * fine-grained queues longer than two do not occur.
 *
 * The check skips NMI-class code: kdebug reads locks and takes none, but panic() may be on its way
 * through code that does, and a check that panics then would hide the first panic.
 */
#include "sync/spinlock.h"

#include "base/string.h"
#include "gen/trace_emit.h"
#include "sync/lock_check.h"
#include "sync/lock_order.h"

static struct lock_check lock_checks[CPU_MAX];
struct lock_waits lock_waits[CPU_MAX];

void spinlock_init(struct spinlock *lock, const char *name, enum lock_rank rank)
{
    *lock = (struct spinlock)SPINLOCK_INIT(name, (uint16_t)rank);
}

void spinlock_wait_begins(const struct spinlock *lock)
{
    atomic_store_explicit(&lock_waits[cpu_id()].now, lock, memory_order_relaxed);
    trace_lock_wait_begin((uint64_t)lock, lock->name, strlen(lock->name));
}

void spinlock_wait_ends(struct spinlock *lock)
{
    lock->contended++;
    lock_waits[cpu_id()].of_rank[lock->rank]++;
    atomic_store_explicit(&lock_waits[cpu_id()].now, NULL, memory_order_relaxed);
    trace_lock_wait_end();
}

/* The acquire load pairs with the release store in spinlock_release(). */
NOINLINE void spinlock_wait(struct spinlock *lock, unsigned ticket)
{
    spinlock_wait_begins(lock);
    while (atomic_load_explicit(&lock->serving, memory_order_acquire) != ticket) {
        cpu_relax();
        core_poll();
    }
    spinlock_wait_ends(lock);
}

static const char *lock_name(const struct lock_held *held)
{
    return ((const struct spinlock *)held->lock)->name;
}

static void check_acquire(struct spinlock *lock, unsigned rank, uint64_t site)
{
    if (cpu_in_nmi_class()) {
        return;
    }
    if (cpu_irqs_are_on()) {
        panic("lock %s taken with interrupts on", lock->name);
    }
    struct lock_check *check = &lock_checks[cpu_id()];
    const struct lock_held *other;
    lock_order_note(check, lock, site); /* also a pair that is refused now */
    switch (lock_check_acquire(check, lock, (uint16_t)rank, site, &other)) {
    case LOCK_TWICE:
        panic("lock %s taken twice by one core, at 0x%lx and first at 0x%lx", lock->name, site,
              other->site);
    case LOCK_BAD_ORDER:
        panic("lock %s (rank %u) taken at 0x%lx after %s (rank %u), taken at 0x%lx", lock->name,
              rank, site, lock_name(other), other->rank, other->site);
    case LOCK_TOO_MANY:
        panic("lock %s is one more than a core may hold", lock->name);
    default:
        break;
    }
}

/* They are called by who takes the lock: see SITE_INLINE. */
uint64_t spinlock_check_acquire(struct spinlock *lock)
{
    uint64_t site = (uint64_t)__builtin_return_address(0);
    check_acquire(lock, lock->rank, site);
    return site;
}

uint64_t spinlock_check_acquire_ranked(struct spinlock *lock, enum lock_rank rank)
{
    uint64_t site = (uint64_t)__builtin_return_address(0);
    check_acquire(lock, rank, site);
    return site;
}

void spinlock_check_release(struct spinlock *lock)
{
    if (cpu_in_nmi_class()) {
        return;
    }
    if (lock_check_release(&lock_checks[cpu_id()], lock) != LOCK_FINE) {
        panic("lock %s released by a core that does not hold it", lock->name);
    }
}
