/* SPDX-License-Identifier: MIT */
/*
 * Time. Deadlines are monotonic ns and leave out the time the machine stood still in kdebug; the
 * TSC does not, so use it to measure and never to wait.
 */
#pragma once

#include <stdint.h>

#include "gen/syscall_user.h"

#define NS_PER_US 1000ul
#define NS_PER_MS 1000000ul
#define NS_PER_S  1000000000ul

/* clock_tsc() - the time-stamp counter, after all earlier instructions have been carried out. */
static inline uint64_t clock_tsc(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

/* clock_now() - monotonic ns. Cannot fail. Cost: one system call. */
static inline uint64_t clock_now(void)
{
    uint64_t now = 0, khz;

    (void)sys_clock_get(&now, &khz);
    return now;
}

/*
 * clock_ns_of_ticks() - length of a TSC interval. Cost: one system call, for the TSC's frequency.
 */
static inline uint64_t clock_ns_of_ticks(uint64_t ticks)
{
    uint64_t now, khz = 1;

    (void)sys_clock_get(&now, &khz);
    return ticks / khz * NS_PER_MS + ticks % khz * NS_PER_MS / khz;
}

/* clock_sleep() - wait this long from now. */
static inline void clock_sleep(uint64_t ns)
{
    (void)sys_thread_sleep(clock_now() + ns);
}
