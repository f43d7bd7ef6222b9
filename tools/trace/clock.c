/* SPDX-License-Identifier: MIT */
/*
 * ns = ticks * 1e6 / khz as multiply and shift: the factor is scaled so that it fills 61 to 62 bits, whatever the frequency,
 * and is rounded up, so that whole nanoseconds do not come out one too small (1 GHz must be the identity).
 */
#include "clock.h"

#define NS_PER_MS 1000000ull

void clock_init(struct clock *clock, uint64_t tsc, uint64_t ns, uint64_t khz)
{
    unsigned shift = 0;
    while (shift < 104 && ((unsigned __int128)NS_PER_MS << (shift + 1)) / khz < (1ull << 62)) {
        shift++;
    }
    unsigned __int128 scaled = (unsigned __int128)NS_PER_MS << shift;
    clock->khz = khz;
    clock->tsc = tsc;
    clock->ns = (int64_t)ns;
    clock->mult = (uint64_t)((scaled + khz - 1) / khz);
    clock->shift = shift;
}
