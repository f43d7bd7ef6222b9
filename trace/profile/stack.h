/* SPDX-License-Identifier: MIT */
/* Walking stacks by frame pointers, without trusting any. */
#pragma once

#include "arch/frame.h"
#include "base/types.h"

#define PROFILE_FRAMES_MAX 28u
#define PROFILE_KERNEL_MAX 16u /* at most so many of them in the kernel */

struct profile_stack {
    unsigned kernel; /* the first of them are kernel addresses */
    unsigned count;
    uint64_t
        frame[PROFILE_FRAMES_MAX]; /* innermost first; all but the first are return addresses */
};

/*
 * profile_stack_walk() - the stack of what an NMI has interrupted.
 *
 * Where the innermost user function has no frame, its caller is missing. Context: NMI class on the core in
 * question, its page tables in CR3. Cost: some 15 instructions for a kernel frame, 100 for a user frame, 200 and 4 for each byte of the innermost kernel
 * function up to rip.
 */
void profile_stack_walk(const struct trap_frame *interrupted, struct profile_stack *out);
