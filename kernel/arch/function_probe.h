/* SPDX-License-Identifier: MIT */
/*
 * Probes on the entry of functions, without an exception. A function that can be traced has room for a call in front of it
 * (function_patch.h); here its slot jumps to code that is made for the probe:
 *
 *     slot     jmp code            code     count the hit
 *     entry    jmp slot                     push values and number, call probe_thunk, drop them
 *              mov ebp, esp                 push rbp; mov rbp, rsp; jmp behind the two
 *              ...
 *
 * While the function is traced, too, the code ends in a jump to function_thunk in place of its last line, which finds the
 * stack as if the slot had called it: so each of the two comes and goes without the other.
 *
 * Values are general registers but rsp, as they are when the function begins.
 */
#pragma once

#include "base/types.h"

#define FUNCTION_PROBE_VALUES 4u

struct function_probe {
    vaddr_t function;
    vaddr_t slot; /* TEXT_PROBE_BYTES of probe_slots that nobody is in */
    unsigned number;
    unsigned count;
    uint8_t reg[FUNCTION_PROBE_VALUES]; /* words of struct trap_frame */
};

/* function_probe_takes() - can a value be this register, given as word of struct trap_frame? */
bool function_probe_takes(unsigned reg);

/*
 * function_probe_set() - from now on each call of a function passes probe_thunk.
 *
 * Returns OK; ERR_BUSY a breakpoint or another probe lies on its first four bytes; ERR_NOT_SUPPORTED it makes no frame.
 * Context: as text_patch_sites(). The caller has looked at what function_probe_takes() says.
 */
status_t function_probe_set(const struct function_probe *probe) MUST_CHECK;

/* function_probe_clear() - no more; nothing happens if there is none. Context: as above. */
void function_probe_clear(vaddr_t function);
