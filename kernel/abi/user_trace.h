/* SPDX-License-Identifier: MIT */
/*
 * The lane of a process: shared memory into which its threads write events without a system call.
 *
 * A writer takes the next number, fills that number's slot, and commits by storing number + 1 into its mark. The kernel
 * reads the slots in order and turns them into user.record, at the latest when USER_TRACE_BATCH more have been written:
 * whoever commits the last of a batch says so (trace_user_collect). Nobody believes anything in here: see vm/user_lane.h.
 */
#pragma once

#include <stdint.h>

#define USER_TRACE_SLOTS 1024u
#define USER_TRACE_BATCH 256u
#define USER_TRACE_BYTES 0x9000u /* of a lane: page 0, then the slots */

#define USER_TRACE_ID_BITS 24u

struct user_trace_slot {
    uint64_t time; /* TSC */
    uint64_t value;
    uint32_t track; /* tid of the writer, or any number that means something to the program */
    uint32_t
        kind_id; /* enum trace_user_kind << USER_TRACE_ID_BITS | what: an id with a name (trace_user_name) */
    uint64_t mark; /* number of the record + 1; stored last */
};

struct user_trace_lane {
    uint64_t next; /* number of the next record */
    uint64_t reserved[511];
    struct user_trace_slot slot[USER_TRACE_SLOTS];
};

_Static_assert(sizeof(struct user_trace_slot) == 32, "part of the interface");
_Static_assert(sizeof(struct user_trace_lane) == USER_TRACE_BYTES, "part of the interface");
