/* SPDX-License-Identifier: MIT */
/* What futex.c and futex_wait.c share; the theory, with F1 to F5, is in futex.c. */
#pragma once

#include "ipc/futex.h"

static inline struct futex_bucket *futex_bucket_of(const uint32_t *word)
{
    /* Fibonacci hashing: words of one page spread over all buckets. */
    uint64_t hash = ((uint64_t)word >> 2) * 0x9e3779b97f4a7c15ull;
    return &futex_buckets[hash >> 56];
}
static_assert(FUTEX_BUCKETS == 1u << (64 - 56), "the top bits choose the bucket");

static inline uint32_t futex_load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}
