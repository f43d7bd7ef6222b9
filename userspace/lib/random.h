/* SPDX-License-Identifier: MIT */
/*
 * Numbers that look random and are the same in every run: splitmix64.
 * Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
 */
#pragma once

#include <stdint.h>

/* random_mix() - a well-mixed function of one number. */
static inline uint64_t random_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

/*
 * random_next() - the next number of the sequence that *state stands in; any start value will do.
 */
static inline uint64_t random_next(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ull;
    return random_mix(*state);
}
