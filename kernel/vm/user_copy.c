/* SPDX-License-Identifier: MIT */
/*
 * The one way to user memory of the current process: check the range, then copy with the routines
 * that survive faults (arch/user.h).
 *
 * A range is good if it lies in [USER_BASE, USER_END); whether it is mapped shows when it is
 * touched. An empty range is always good.
 */
#include "vm/user_copy.h"

#include "arch/user.h"
#include "base/checked.h"
#include "gen/layout.h"
#include "sched/thread.h"

#define STEP_BYTES 0x4000u /* between two preemption points */

static bool is_user_range(vaddr_t va, size_t bytes)
{
    return bytes == 0 || range_is_within(va, bytes, USER_BASE, USER_END);
}

static status_t copy_in_steps(uint8_t *to, const uint8_t *from, size_t bytes)
{
    for (;;) {
        size_t now = MIN(bytes, (size_t)STEP_BYTES);
        if (user_copy_raw(to, from, now) != 0) {
            return ERR_BAD_ADDRESS;
        }
        to += now;
        from += now;
        bytes -= now;
        if (bytes == 0) {
            return OK;
        }
        preempt_point();
    }
}

status_t user_copy_in(void *to, vaddr_t from, size_t bytes)
{
    return is_user_range(from, bytes) ? copy_in_steps(to, (const uint8_t *)from, bytes)
                                      : ERR_BAD_ADDRESS;
}

status_t user_copy_out(vaddr_t to, const void *from, size_t bytes)
{
    return is_user_range(to, bytes) ? copy_in_steps((uint8_t *)to, from, bytes) : ERR_BAD_ADDRESS;
}

status_t user_copy_name(char *to, size_t size, vaddr_t from, uint64_t bytes)
{
    if (bytes >= size) {
        return ERR_TOO_BIG;
    }
    status_t status = user_copy_in(to, from, bytes);
    if (status == OK) {
        to[bytes] = '\0';
    }
    return status;
}
