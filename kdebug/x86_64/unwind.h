/* SPDX-License-Identifier: MIT */
/* Stepping up a stack of the target: frame pointers, and across trap frames. */
#pragma once

#include "arch/frame.h"
#include "base/types.h"

struct kd_unwind {
    uint64_t rip, rbp, rsp; /* of the present frame; rsp only while is_exact */
    bool is_exact;          /* rip is where the code stands, not where it will return to */
    bool crossed;           /* the step here went across a trap frame */
    struct trap_frame trap; /* that one */
    unsigned steps;
};

/* kd_unwind_begin() - at the registers of a stopped core. kd_unwind_begin_blocked() - at the
 * context of a thread that does not run. */
void kd_unwind_begin(struct kd_unwind *unwind, const struct trap_frame *frame);
bool kd_unwind_begin_blocked(struct kd_unwind *unwind, vaddr_t context_rsp);

/* kd_unwind_next() - one step up. False: the end, or a frame that cannot be read or is none.
 * Never more than 128 steps. */
bool kd_unwind_next(struct kd_unwind *unwind);

/* kd_unwind_is_user() - the present frame is user code. */
bool kd_unwind_is_user(const struct kd_unwind *unwind);
