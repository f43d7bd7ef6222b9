/* SPDX-License-Identifier: MIT */
/* The one way to user memory of the current process: checked range, faults served or turned into
 * an error. */
#pragma once

#include "base/types.h"

/* OK or ERR_BAD_ADDRESS (range not in user space, or not accessible). Context: thread, no lock
 * held: may fault in pages. */
status_t user_copy_in(void *to, vaddr_t from, size_t bytes) MUST_CHECK;
status_t user_copy_out(vaddr_t to, const void *from, size_t bytes) MUST_CHECK;
/* user_copy_name() - a text of given length, NUL-terminated here. ERR_TOO_BIG if it does not fit
 * with its NUL. */
status_t user_copy_name(char *to, size_t size, vaddr_t from, uint64_t bytes) MUST_CHECK;
