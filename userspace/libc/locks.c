/* SPDX-License-Identifier: MIT */
/*
 * The locks of the C library (its sys/lock.h), on mutexes of ours.
 *
 * A thread is known by its stack: that costs no system call.
 */
#include <stdlib.h>
#include <sys/lock.h>

#include "userspace/lib/mutex.h"
#include "userspace/lib/thread.h"

struct __lock {
    struct mutex mutex;
    uint32_t
        owner; /* thread_slot() + 1 of who has it; 0: nobody. Only that one finds itself here. */
    uint32_t depth;
};

/* Those that the library names itself. */
struct __lock __lock___sinit_recursive_mutex;
struct __lock __lock___sfp_recursive_mutex;
struct __lock __lock___atexit_recursive_mutex;
struct __lock __lock___at_quick_exit_mutex;
struct __lock __lock___malloc_recursive_mutex;
struct __lock __lock___env_recursive_mutex;
struct __lock __lock___tz_mutex;
struct __lock __lock___dd_hash_mutex;
struct __lock __lock___arc4random_mutex;

static bool is_mine(const struct __lock *lock)
{
    return __atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == thread_slot() + 1;
}

static void take(struct __lock *lock)
{
    __atomic_store_n(&lock->owner, thread_slot() + 1, __ATOMIC_RELAXED);
    lock->depth = 1;
}

void __retarget_lock_init_recursive(_LOCK_T *lock)
{
    *lock = calloc(1, sizeof(**lock));
    if (*lock == NULL) {
        abort();
    }
}

void __retarget_lock_close_recursive(_LOCK_T lock)
{
    free(lock);
}

void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
    if (is_mine(lock)) {
        lock->depth++;
        return;
    }
    mutex_lock(&lock->mutex);
    take(lock);
}

int __retarget_lock_try_acquire_recursive(_LOCK_T lock)
{
    if (is_mine(lock)) {
        lock->depth++;
        return 1;
    }
    if (!mutex_try_lock(&lock->mutex)) {
        return 0;
    }
    take(lock);
    return 1;
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
    if (--lock->depth == 0) {
        __atomic_store_n(&lock->owner, 0, __ATOMIC_RELAXED);
        mutex_unlock(&lock->mutex);
    }
}

/* Plain ones: as the others, though nobody takes them twice. */
void __retarget_lock_init(_LOCK_T *lock)
{
    __retarget_lock_init_recursive(lock);
}

void __retarget_lock_close(_LOCK_T lock)
{
    __retarget_lock_close_recursive(lock);
}

void __retarget_lock_acquire(_LOCK_T lock)
{
    __retarget_lock_acquire_recursive(lock);
}

int __retarget_lock_try_acquire(_LOCK_T lock)
{
    return __retarget_lock_try_acquire_recursive(lock);
}

void __retarget_lock_release(_LOCK_T lock)
{
    __retarget_lock_release_recursive(lock);
}
