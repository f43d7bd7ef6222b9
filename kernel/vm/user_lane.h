/* SPDX-License-Identifier: MIT */
/*
 * Lanes of programs: user.record out of memory that the program writes (kernel/abi/user_trace.h).
 *
 * U1  Nothing in a lane is believed. A slot is copied once, then checked; what makes no sense is counted (user.lost), and
 *     whatever the contents, a look at a lane takes USER_TRACE_SLOTS steps at most.
 * U2  What comes out is user.record and user.lost and nothing else, with the process that the kernel gave the lane to. Its time
 *     lies between the opening of the lane and now.
 * U3  The memory is part of the trace region, mapped into one process by the kernel: there is no handle to pass on. It gets another
 *     owner only when no thread of the process exists any more.
 */
#pragma once

#include "base/types.h"
#include "kernel/abi/user_trace.h"

#define USER_LANES_MAX 16u

struct space;

/* (l) user_lanes_lock */
struct user_lane {
    uint32_t process;               /* (l) 0: free */
    struct user_trace_lane *shared; /* (l) kernel address */
    vaddr_t address;                /* (l) where the process sees it */
    uint64_t next;                  /* (l) number of the record to read next */
    uint64_t opened;                /* (l) TSC */
    uint64_t records, lost;         /* (l) since then */
};

extern struct user_lane user_lanes[USER_LANES_MAX];

/*
 * user_lane_open() - give a process a lane and show it there; the one it has, if it has one.
 * ERR_TABLE_FULL all are taken; ERR_NO_MEMORY, also: there is no trace region. Context: thread, no lock held. Takes USER_LANES, SPACE.
 */
status_t user_lane_open(uint32_t process, struct space *space, vaddr_t *out_address) MUST_CHECK;

/* user_lane_collect() - record what a process has written; process 0: what all have. Context: thread, no lock held; may be preempted.
 * Cost: some 100 instructions a record. */
void user_lane_collect(uint32_t process);
