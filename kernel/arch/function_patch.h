/* SPDX-License-Identifier: MIT */
/*
 * Functions that can be traced.
 *
 * gcc puts five bytes in front of each (its slot) and lists them (CFLAGS_TRACED in the Makefile). One that makes a frame begins
 * with PUSH RBP; MOV RBP, RSP, four bytes. While it is traced, its slot holds a call of function_thunk, and
 * a short jump there lies over the first two of those four:
 *
 *              not traced                      traced
 *     slot     nop nop nop nop nop             call function_thunk
 *     entry    push rbp                        jmp slot
 *              mov rbp, rsp
 *              ...                             ...  the thunk does the two and comes here
 *
 * So a function that is not traced executes what it always did: not one instruction is added for the
 * possibility. A leaf that makes no frame has no room for the jump, and cannot be traced.
 *
 * Rejected: -mfentry, a NOP in every function (the direct path of a message has no instruction to spare);
 * exchanging the return address and keeping the true one on a second stack (a thread of this kernel may
 * leave its stack without returning, so that one would have to be repaired; debugger and profiler would
 * lose their way); patching each RET (there are several, and jumps to other functions instead of them).
 */
#pragma once

#include "base/types.h"

#define FUNCTION_SLOT_BYTES  5u
#define FUNCTION_FRAME_BYTES 4u /* of the two instructions */
#define FUNCTION_COUNT_MAX   2048u
#define FUNCTION_HOOKED      0x8000u /* beside the event, what the thunk says when there is a filter */

/* The last three bytes of PUSH RBP; MOV RBP, RSP, also while the jump lies over it: the first differs. */
static inline bool function_makes_frame(const uint8_t *at)
{
    return (at[0] == 0x48 || at[0] == 0xf9) && at[1] == 0x89 && at[2] == 0xe5;
}

/* Where every call of the thunk's begins and ends: a return address in there is no caller. */
extern const char function_thunk[], function_thunk_end[];

/* function_count() - functions with a slot. Their order is that of the link. */
unsigned function_count(void);

/* function_address() - where function i begins; i < function_count(). */
vaddr_t function_address(unsigned i);

/* function_find() - the function that begins there; false: none with a slot. */
bool function_find(vaddr_t address, unsigned *out_index);

/* function_can_be_traced() - it makes a frame first thing. */
bool function_can_be_traced(unsigned i);

/* function_is_traced() - now. function_is_entered_by_jump() - it is, or has a probe on its entry (function_probe.h). */
bool function_is_traced(unsigned i);
bool function_is_entered_by_jump(unsigned i);

/* A bit for each function. */
struct function_set {
    uint64_t word[FUNCTION_COUNT_MAX / 64];
};

/*
 * function_patch() - from now on exactly these functions are traced, of those that can be. One with a breakpoint on what the jump
 * would lie over stays as it is.
 * Context: as text_patch_sites(). Cost: about 30 instructions a function while all cores stand still.
 */
void function_patch(struct function_set *wanted);
