/* SPDX-License-Identifier: MIT */
/* The locks a core holds, for the rank check of debug builds. Pure: no core, no lock is touched. */
#pragma once

#include "base/types.h"

#define LOCK_CHECK_DEPTH 12u

struct lock_held {
    const void *lock;
    uint64_t site; /* where it was taken */
    uint16_t rank;
};

struct lock_check {
    uint32_t count;
    struct lock_held held[LOCK_CHECK_DEPTH];
};

enum lock_verdict {
    LOCK_FINE = 0,
    LOCK_TWICE,     /* the core holds this lock already: *out_other */
    LOCK_BAD_ORDER, /* it holds one of the same or a higher rank; *out_other is that one */
    LOCK_TOO_MANY,
    LOCK_NOT_HELD, /* released without being held */
};

/*
 * lock_check_acquire() - may the lock be taken now? If so it counts as held. Locks may be released
 * in any order.
 *
 * @site  where it is taken
 */
enum lock_verdict lock_check_acquire(struct lock_check *check, const void *lock, uint16_t rank,
                                     uint64_t site, const struct lock_held **out_other);
enum lock_verdict lock_check_release(struct lock_check *check, const void *lock);
