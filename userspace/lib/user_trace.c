/* SPDX-License-Identifier: MIT */
/* The slow side of user_trace.h. */
#include "userspace/lib/user_trace.h"

#include <string.h>

#include "gen/syscall_user.h"

static struct user_trace_lane nowhere;
struct user_trace_lane *user_trace_lane = &nowhere;

uint32_t user_trace_open(void)
{
    uint64_t address, thread = 0;

    if (sys_trace_user_open(&address, &thread) == OK) {
        user_trace_lane = (struct user_trace_lane *)address;
    }
    return (uint32_t)thread;
}

void user_trace_name(uint32_t id, const char *name)
{
    (void)sys_trace_user_name(id, name, strlen(name));
}

void user_trace_hand_over(void)
{
    if (user_trace_lane != &nowhere) {
        (void)sys_trace_user_collect();
    }
}
