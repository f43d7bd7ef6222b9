/* SPDX-License-Identifier: MIT */
/*
 * Stepping up a stack of the target: frame pointers, and across trap frames. With the table of frames.h also what callers had in
 * registers that a call keeps.
 */
#pragma once

#include "arch/frame.h"
#include "base/types.h"
#include "kdebug/x86_64/frames.h"

struct kd_unwind {
    uint64_t rip, rbp, rsp;         /* of the present frame; rsp 0: not known */
    uint64_t kept[KD_KEPT];         /* registers of the present frame that are known... */
    uint8_t known;                  /* ...these: bits of enum kd_kept */
    const struct trap_frame *exact; /* all registers, while is_exact */
    bool is_exact;                  /* rip is where the code stands, not where it will return to */
    bool crossed;                   /* the step here went across a trap frame */
    struct trap_frame trap;         /* that one */
    unsigned steps;
};

/* kd_unwind_begin() - at the registers of a stopped core. kd_unwind_begin_blocked() - at the
 * context of a thread that does not run. */
void kd_unwind_begin(struct kd_unwind *unwind, const struct trap_frame *frame);
bool kd_unwind_begin_blocked(struct kd_unwind *unwind, vaddr_t context_rsp);

/* kd_unwind_next() - one step up. False: the end, or a frame that cannot be read or is none.
 * Never more than 128 steps. */
bool kd_unwind_next(struct kd_unwind *unwind);

/*
 * kd_unwind_register() - what a register holds in the present frame; of a caller, as its call returns. kd_unwind_end() - where the
 * present frame ends, just above its return address; 0: not known. What they say is so, if the table is that of the kernel that runs.
 * @number as DWARF counts them
 */
bool kd_unwind_register(const struct kd_unwind *unwind, unsigned number, uint64_t *out);
uint64_t kd_unwind_end(const struct kd_unwind *unwind);

/* kd_unwind_is_user() - the present frame is user code. */
bool kd_unwind_is_user(const struct kd_unwind *unwind);
