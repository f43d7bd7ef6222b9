/* SPDX-License-Identifier: MIT */
/*
 * The seal of a page that a pager has.
 *
 * The page is read as 1024 numbers of 32 bits, the coefficients of a polynomial modulo the prime
 * p = 2^61 - 1, which is evaluated at a secret key. Two different pages agree at no more than 1025 of the
 * p possible keys. Reducing is cheap for such a prime: 2^61 is 1, so the upper bits are added to the lower.
 *
 * Source: Carter, Wegman, "New hash functions and their use in authentication and set equality", 1981.
 */
#include "arch/mmu.h"
#include "vm/pager_impl.h"

#define SEAL_PRIME ((1ull << 61) - 1)
#define TAG_BITS   2u

/* state * key + number, below 2^61 + 2^32: congruent, not always fully reduced. */
static inline uint64_t step(uint64_t state, uint64_t key, uint64_t number)
{
    unsigned __int128 product = (unsigned __int128)state * key + number;
    uint64_t folded = ((uint64_t)product & SEAL_PRIME) + (uint64_t)(product >> 61);
    return (folded & SEAL_PRIME) + (folded >> 61);
}

uint64_t page_seal(uint64_t key, uint64_t area, uint64_t page, const void *contents)
{
    const uint32_t *numbers = contents;
    uint64_t state = step(step(1, key, area), key, page);
    key %= SEAL_PRIME;
    for (unsigned i = 0; i < PAGE_BYTES / sizeof(numbers[0]); i++) {
        state = step(state, key, numbers[i]);
    }
    return state % SEAL_PRIME << TAG_BITS;
}
