/* SPDX-License-Identifier: MIT */
/* Marks of a program in the trace: a number that says what, and one that says how much. */
#pragma once

#include "gen/syscall_user.h"

/* Ids of the programs in this tree; others begin at MARK_FREE. */
enum mark_id {
    MARK_ROUND = 1, /* a program begins its round number 'value' */
    MARK_CHECKED,   /* a self-check of 'value' things has passed */
    MARK_FREE = 100,
};

static inline void mark(uint32_t id, uint64_t value)
{
    (void)sys_trace_mark(id, value);
}
