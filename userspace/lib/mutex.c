/* SPDX-License-Identifier: MIT */
/*
 * Mutexes and conditions on futexes.
 *
 * A mutex is FREE, TAKEN, or CONTENDED: taken, and somebody may wait. Who has had to wait takes it as CONTENDED, since others may
 * wait still; so:
 *   L1  Whenever a thread waits for a mutex that is taken, its state is CONTENDED, and unlocking wakes one.
 * Source: U. Drepper, "Futexes Are Tricky", mutex 2.
 *
 * A condition counts wake-ups. A waiter reads the count while it holds the mutex and waits only as long as that is the count, so:
 *   L2  A wake-up after the mutex was let go is not missed.
 * All are woken at once, without moving them to the mutex one by one: that would save switches among many waiters, and want to know
 * the mutex when waking.
 */
#include "userspace/lib/mutex.h"

#include "gen/syscall_user.h"
#include "kernel/abi/message.h"

enum mutex_state { FREE, TAKEN, CONTENDED };

static void wake(_Atomic uint32_t *word, uint64_t count)
{
    uint64_t woken;

    (void)sys_futex_wake((uint64_t)word, count, &woken);
}

bool mutex_try_lock(struct mutex *mutex)
{
    uint32_t seen = FREE;

    return atomic_compare_exchange_strong_explicit(&mutex->state, &seen, TAKEN,
                                                   memory_order_acquire, memory_order_relaxed);
}

/* L1. Pairs with the release in mutex_unlock(). */
static status_t lock_contended(struct mutex *mutex, uint64_t deadline)
{
    while (atomic_exchange_explicit(&mutex->state, CONTENDED, memory_order_acquire) != FREE) {
        status_t status = sys_futex_wait((uint64_t)&mutex->state, CONTENDED, deadline);

        if (status != OK && status != ERR_CHANGED) {
            return status;
        }
    }
    return OK;
}

status_t mutex_lock_until(struct mutex *mutex, uint64_t deadline)
{
    return mutex_try_lock(mutex) ? OK : lock_contended(mutex, deadline);
}

void mutex_lock(struct mutex *mutex)
{
    while (mutex_lock_until(mutex, DEADLINE_FOREVER) != OK) {
    }
}

void mutex_unlock(struct mutex *mutex)
{
    if (atomic_exchange_explicit(&mutex->state, FREE, memory_order_release) == CONTENDED) {
        wake(&mutex->state, 1);
    }
}

status_t condition_wait(struct condition *condition, struct mutex *mutex, uint64_t deadline)
{
    uint32_t seen = atomic_load_explicit(&condition->wakes, memory_order_relaxed); /* L2 */

    mutex_unlock(mutex);
    status_t status = sys_futex_wait((uint64_t)&condition->wakes, seen, deadline);
    mutex_lock(mutex);
    return status == ERR_CHANGED ? OK : status;
}

static void wake_waiters(struct condition *condition, uint64_t count)
{
    atomic_fetch_add_explicit(&condition->wakes, 1, memory_order_relaxed);
    wake(&condition->wakes, count);
}

void condition_wake_one(struct condition *condition)
{
    wake_waiters(condition, 1);
}

void condition_wake_all(struct condition *condition)
{
    wake_waiters(condition, UINT32_MAX);
}
