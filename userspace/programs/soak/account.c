/* SPDX-License-Identifier: MIT */
/* The account that init shares with programs and services: handles, threads, memory. */
#include "gen/syscall_user.h"
#include "kernel/abi/quota.h"
#include "userspace/lib/stdio.h"
#include "userspace/programs/soak/soak.h"

#define PATIENCE (30 * NS_PER_S) /* what has ended is given back by whoever runs after it */
#define AGAIN    (5 * NS_PER_MS)

static uint64_t first[QUOTA_KINDS];
static bool has_first;

static void measure(uint64_t used[QUOTA_KINDS])
{
    uint64_t limit;

    for (uint32_t kind = 0; kind < QUOTA_KINDS; kind++) {
        must(sys_process_get_quota(program.self, kind, &used[kind], &limit));
    }
}

static bool is_same(const uint64_t a[QUOTA_KINDS], const uint64_t b[QUOTA_KINDS])
{
    return a[QUOTA_HANDLES] == b[QUOTA_HANDLES] && a[QUOTA_THREADS] == b[QUOTA_THREADS] &&
           a[QUOTA_MEMORY] == b[QUOTA_MEMORY];
}

/* Nothing moves any more for a while. */
static void settle(uint64_t used[QUOTA_KINDS])
{
    uint64_t before[QUOTA_KINDS];

    measure(used);
    for (unsigned calm = 0; calm < 20;) {
        for (unsigned i = 0; i < QUOTA_KINDS; i++) {
            before[i] = used[i];
        }
        clock_sleep(AGAIN);
        measure(used);
        calm = is_same(before, used) ? calm + 1 : 0;
    }
}

void account_check(void)
{
    uint64_t used[QUOTA_KINDS], limit = clock_now() + PATIENCE;

    if (!has_first) {
        settle(first);
        has_first = true;
        report("%lu handles, %lu threads, %lu pages", first[QUOTA_HANDLES], first[QUOTA_THREADS],
               first[QUOTA_MEMORY]);
        return;
    }
    for (measure(used); !is_same(used, first) && clock_now() < limit; measure(used)) {
        clock_sleep(AGAIN);
    }
    if (!is_same(used, first)) {
        die("%lu handles, %lu threads, %lu pages, not %lu, %lu, %lu", used[QUOTA_HANDLES],
            used[QUOTA_THREADS], used[QUOTA_MEMORY], first[QUOTA_HANDLES], first[QUOTA_THREADS],
            first[QUOTA_MEMORY]);
    }
}
