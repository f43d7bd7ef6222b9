/* SPDX-License-Identifier: MIT */
/* Rank check: a lock may only be taken while all that are held have lower ranks. */
#include "sync/lock_check.h"

enum lock_verdict lock_check_acquire(struct lock_check *check, const void *lock, uint16_t rank,
                                     uint64_t site, const struct lock_held **out_other)
{
    for (uint32_t i = 0; i < check->count; i++) {
        *out_other = &check->held[i];
        if (check->held[i].lock == lock) {
            return LOCK_TWICE;
        }
        if (check->held[i].rank >= rank) {
            return LOCK_BAD_ORDER;
        }
    }
    if (check->count == LOCK_CHECK_DEPTH) {
        return LOCK_TOO_MANY;
    }
    check->held[check->count++] = (struct lock_held){lock, site, rank};
    return LOCK_FINE;
}

enum lock_verdict lock_check_release(struct lock_check *check, const void *lock)
{
    for (uint32_t i = check->count; i-- > 0;) {
        if (check->held[i].lock == lock) {
            for (; i + 1 < check->count; i++) {
                check->held[i] = check->held[i + 1];
            }
            check->count--;
            return LOCK_FINE;
        }
    }
    return LOCK_NOT_HELD;
}
