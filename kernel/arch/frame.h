/* SPDX-License-Identifier: MIT */
/* The registers of whoever was interrupted, as every entry stub leaves them on the kernel stack. */
#pragma once

#include "base/types.h"

/* Vector numbers above 255 in trap_frame.vector: the ways in that are not interrupts. */
#define FRAME_VECTOR_SYSCALL 0x100u
#define FRAME_VECTOR_START   0x101u /* a thread that has not yet been in user mode */

/*
 * Lowest address first: the stubs push in the opposite order. The last five words are what the CPU
 * pushes for an interrupt in 64-bit mode (Intel SDM vol. 3A, "64-Bit Mode Stack Frame"); SYSCALL
 * entry builds the same by hand.
 */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector;
    uint64_t error; /* of a system call its number: rax will be its status */
    uint64_t rip, cs, rflags, rsp, ss;
};
static_assert(sizeof(struct trap_frame) == 22 * 8, "entry.asm pushes 22 words");

static inline bool frame_is_user(const struct trap_frame *frame)
{
    return (frame->cs & 3) == 3;
}
