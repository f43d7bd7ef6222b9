/* SPDX-License-Identifier: MIT */
/*
 * Monotonic time from the TSC.
 *
 * ns = (tsc - base) * multiplier >> 54 in 128 bits; base moves on by the time that the machine
 * stands still in kdebug (hold and release). The arithmetic is exact to 0.004 ns per hour
 * (x86_64/clock_math.h).
 */
#pragma once

#include "base/types.h"

/*
 * clock_init() - after interrupt_init_boot(), before cpu_start_others(): measure the TSC (and the
 * local APIC timer) against the HPET, else the ACPI PM timer, else the PIT.
 */
void clock_init(void);

/*
 * clock_now() - monotonic ns since clock_init(), without the time stopped in kdebug. Cost: about 10
 * instructions.
 */
ns_t clock_now(void);

/* clock_tsc_at() - the TSC value at which clock_now() will reach a time; saturates. */
tsc_t clock_tsc_at(ns_t time);

ns_t clock_ns_of_ticks(tsc_t ticks);
uint64_t clock_tsc_khz(void);

/*
 * clock_hold() / clock_release() - kdebug stops monotonic time / lets it go on. One core, all
 * others parked.
 */
void clock_hold(void);
void clock_release(void);
