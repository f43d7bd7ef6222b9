/* SPDX-License-Identifier: MIT */
/*
 * Raw access to user memory, with SMAP opened for exactly these instructions. Only vm/user_copy.c
 * calls these; it has checked that the range lies in user space.
 */
#pragma once

#include "base/types.h"

/*
 * user_copy_raw() - copy bytes, either side may be a user address of the current space.
 * user_zero_raw() - write zeros.
 *
 * Return the bytes NOT done: 0 means all. A fault inside that the page-fault handler cannot serve
 * ends the copy there: the handler finds the instruction in the fixup table (fault_fixup()) and
 * goes on at its landing pad.
 * Cost: 8 bytes per instruction (rep movsq), the rest byte by byte.
 */
size_t user_copy_raw(void *to, const void *from, size_t bytes) MUST_CHECK;
size_t user_zero_raw(void *to, size_t bytes) MUST_CHECK;

/*
 * user_copy_present() - user_copy_raw() of what is present: a fault is not served but ends the copy. May be used with locks held.
 * fault_is_refused() - the instruction is one of it.
 */
size_t user_copy_present(void *to, const void *from, size_t bytes) MUST_CHECK;
bool fault_is_refused(vaddr_t rip);

/*
 * fault_fixup() - the landing pad of an instruction that may fault, or 0. For the page-fault
 * handler and #GP.
 */
vaddr_t fault_fixup(vaddr_t rip);
