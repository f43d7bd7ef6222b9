/* SPDX-License-Identifier: MIT */
/* Arithmetic on numbers that somebody else chose: overflow is an answer, not a surprise. */
#pragma once

#include "base/types.h"

/* checked_add() / checked_multiply() - false, and *out untouched, if the result does not fit. */
static inline bool checked_add(uint64_t a, uint64_t b, uint64_t *out)
{
    uint64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return false;
    }
    *out = sum;
    return true;
}

static inline bool checked_multiply(uint64_t a, uint64_t b, uint64_t *out)
{
    uint64_t product;
    if (__builtin_mul_overflow(a, b, &product)) {
        return false;
    }
    *out = product;
    return true;
}

/* range_is_within() - [base, base + bytes) lies in [low, high); an empty range does if its base
 * is in [low, high]. */
static inline bool range_is_within(uint64_t base, uint64_t bytes, uint64_t low, uint64_t high)
{
    return base >= low && base <= high && bytes <= high - base;
}
