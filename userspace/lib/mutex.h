/* SPDX-License-Identifier: MIT */
/*
 * Mutual exclusion and conditions for the threads of a process, or of several that share the memory.
 *
 *     struct mutex mutex = {0};  struct condition condition = {0};
 *
 *     mutex_lock(&mutex);                                   mutex_lock(&mutex);
 *     while (!is_ready) {                                   is_ready = true;
 *         (void)condition_wait(&condition, &mutex, ...);    condition_wake_one(&condition);
 *     }                                                     mutex_unlock(&mutex);
 *     mutex_unlock(&mutex);
 *
 * Who ends while it holds a mutex leaves it locked.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gen/errors.h"

/* Zeroed: free. */
struct mutex {
    _Atomic uint32_t state; /* see mutex.c */
};

/* Zeroed: nobody waits. */
struct condition {
    _Atomic uint32_t wakes;
};

/* mutex_lock() - cannot fail. Cost: one locked instruction if it is free. mutex_try_lock() - false: it is taken. */
void mutex_lock(struct mutex *mutex);
bool mutex_try_lock(struct mutex *mutex);

/* mutex_lock_until() - OK; ERR_TIMED_OUT. */
status_t mutex_lock_until(struct mutex *mutex, uint64_t deadline);

/* mutex_unlock() - by who holds it. Cost: one locked instruction, and a system call if somebody waits. */
void mutex_unlock(struct mutex *mutex);

/*
 * condition_wait() - let go of the mutex and wait for a wake-up, as one step; then take the mutex again. OK, perhaps without a
 * wake-up: look again at what is waited for; ERR_TIMED_OUT, with the mutex, too.
 */
status_t condition_wait(struct condition *condition, struct mutex *mutex, uint64_t deadline);

/* condition_wake_one() / condition_wake_all() - who waits. With or without the mutex. */
void condition_wake_one(struct condition *condition);
void condition_wake_all(struct condition *condition);
