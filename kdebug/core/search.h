/* SPDX-License-Identifier: MIT */
/* Search in memory of the target. */
#pragma once

#include "kdebug/core/target.h"

#define KD_PATTERN_MAX 256u

/*
 * kd_search() - the first place where a pattern stands whole within *address and `length` bytes on.
 *
 * True: *address is there. Memory that cannot be read holds no match. `bytes` is 1 to KD_PATTERN_MAX. Cost: the pages read, and
 * for each byte of them one comparison. Does not raise.
 */
bool kd_search(kd_space_t space, uint64_t *address, uint64_t length, const uint8_t *pattern,
               size_t bytes);
