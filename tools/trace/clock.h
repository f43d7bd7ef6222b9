/* SPDX-License-Identifier: MIT */
/* Ticks of the time-stamp counter to nanoseconds. */
#pragma once

#include "util.h"

struct clock {
    uint64_t khz;
    uint64_t tsc;  /* at this count ... */
    int64_t ns;    /* ... so much time had passed */
    uint64_t mult; /* nanoseconds per tick, times 2^shift */
    unsigned shift;
};

/* clock_init() - ns had passed at tsc; khz ticks per millisecond, not 0. Cannot fail. */
void clock_init(struct clock *clock, uint64_t tsc, uint64_t ns, uint64_t khz);

/* clock_delta_ns() - how long so many ticks are. */
static inline uint64_t clock_delta_ns(const struct clock *clock, uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)ticks * clock->mult >> clock->shift);
}

/* clock_ticks() - how many ticks so many nanoseconds are; the greatest number if it does not fit. */
static inline uint64_t clock_ticks(const struct clock *clock, uint64_t ns)
{
    unsigned __int128 ticks = (unsigned __int128)ns * clock->khz / 1000000;
    return ticks > UINT64_MAX ? UINT64_MAX : (uint64_t)ticks;
}

/*
 * clock_ns() - the time of a tick, before or after the reference. Negative: before the clock's zero.
 *
 * Rounds down. mult has at least 60 significant bits, so the error stays below 1 ns for some 30 years of ticks.
 */
static inline int64_t clock_ns(const struct clock *clock, uint64_t tsc)
{
    if (LIKELY(tsc >= clock->tsc)) {
        return (int64_t)((uint64_t)clock->ns + clock_delta_ns(clock, tsc - clock->tsc));
    }
    return (int64_t)((uint64_t)clock->ns - clock_delta_ns(clock, clock->tsc - tsc));
}
