/* SPDX-License-Identifier: MIT */
/* What the parts of waits share. */
#pragma once

#include <stdint.h>

#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/thread.h"

#define THREADS 6u

/* EXPECT() - a call must give this status. */
#define EXPECT(expected, call)                                                                     \
    do {                                                                                           \
        status_t expect_status = (call);                                                           \
        if (expect_status != (expected)) {                                                         \
            die("%s gave %s, not %s, %s:%d", #call, status_name(expect_status), #expected,         \
                __FILE__, __LINE__);                                                               \
        }                                                                                          \
    } while (0)

/* run_threads() - function(number) in THREADS threads, until all have returned. */
void run_threads(void (*function)(void *number));

static inline uint64_t soon(uint64_t ns)
{
    return clock_now() + ns;
}

void check_events(uint64_t count);
void check_futexes(uint64_t count);
void check_mutexes(uint64_t count);
void check_channels(uint64_t kib);
