/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic of the clock: pure, so that host tests can check it against exact numbers.
 *
 * A tick lasts multiplier / 2^CLOCK_SHIFT ns. With 54 fraction bits the relative error of the
 * multiplier is below 2^-50 at any rate from 1 MHz (multiplier < 2^64) to 16 GHz: less than 0.004
 * ns in an hour. Products are 128 bits wide: nothing overflows.
 */
#pragma once

#include "base/types.h"

#define CLOCK_SHIFT   54
#define NS_PER_SECOND 1000000000ull

/*
 * mul_div() - a * b / c, rounded down; ~0 if the quotient needs more than 64 bits or c is 0. Cost:
 * one MUL, one DIV.
 */
static inline uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    uint64_t high = (uint64_t)(product >> 64), low = (uint64_t)product;
    if (high >= c) {
        return ~0ull;
    }
    uint64_t quotient, rest;
    /* Not the C operator: for 128 bits that is a library call. */
    __asm__("divq %4" : "=a"(quotient), "=d"(rest) : "a"(low), "d"(high), "rm"(c) : "cc");
    return quotient;
}

/* clock_multiplier() - ns per tick in units of 2^-CLOCK_SHIFT, rounded down; ~0 below 1 MHz. */
static inline uint64_t clock_multiplier(uint64_t hz)
{
    return mul_div(NS_PER_SECOND, 1ull << CLOCK_SHIFT, hz);
}

static inline ns_t clock_scale(tsc_t ticks, uint64_t multiplier)
{
    return (ns_t)((unsigned __int128)ticks * multiplier >> CLOCK_SHIFT);
}

/*
 * clock_unscale() - the fewest ticks that clock_scale() makes ns or more of; ~0 if there are none.
 */
static inline tsc_t clock_unscale(ns_t ns, uint64_t multiplier)
{
    if (multiplier == 0) {
        return ~0ull;
    }
    tsc_t ticks = mul_div(ns, 1ull << CLOCK_SHIFT, multiplier);
    if (ticks != ~0ull && clock_scale(ticks, multiplier) < ns) {
        ticks++;
    }
    return ticks;
}

/*
 * clock_rate_round() - the round number that a measured rate stands for, if there is one within the
 * error of the measurement.
 *
 * @hz @error_hz  the true rate lies in [hz - error_hz, hz + error_hz]
 * Rates are whole MHz on emulators (QEMU -icount: 1 GHz exactly) and on many CPUs. Any other rate
 * is returned as it is.
 */
static inline uint64_t clock_rate_round(uint64_t hz, uint64_t error_hz)
{
    uint64_t mhz = (hz + 500000) / 1000000 * 1000000;
    uint64_t distance = mhz > hz ? mhz - hz : hz - mhz;
    return mhz != 0 && distance <= error_hz ? mhz : hz;
}
