/* SPDX-License-Identifier: MIT */
/* Where threads run: affinity obeyed at once, idle cores taking work. */
#include <stdio.h>

#include "userspace/lib/option.h"
#include "userspace/lib/random.h"
#include "userspace/lib/start.h"
#include "userspace/programs/sched/sched.h"

#define AFFINITY_ROUNDS 60u
#define SPREAD_NS       (200 * NS_PER_MS)
#define CORES_MAX       32u

static void await_steps(struct hog *hog, uint64_t count)
{
    uint64_t steps = atomic_load_explicit(&hog->steps, memory_order_relaxed);

    while (atomic_load_explicit(&hog->steps, memory_order_relaxed) < steps + count) {
        (void)sys_thread_yield();
    }
}

/* sys_thread_affinity() has returned: from here on the thread runs there and nowhere else. */
static void check_only_on(struct hog *hog, uint64_t cores)
{
    await_steps(hog, 2); /* in the step under way it may have asked before */
    for (unsigned i = 0; i < 4; i++) {
        uint64_t at = atomic_load_explicit(&hog->at, memory_order_relaxed);

        if ((cores >> at & 1) == 0) {
            die("a thread of cores %lx runs on %lu", cores, at);
        }
        await_steps(hog, 1);
    }
}

void check_affinity(void)
{
    static struct hog hog = {.looks = true};
    uint64_t all = core_count == 64 ? ~0ul : (1ul << core_count) - 1, state = 1;

    hog_start(&hog, THREAD_ANYWHERE);
    VERIFY(sys_thread_affinity(hog.thread.handle, 0) == ERR_RANGE);
    VERIFY(core_count == CORES_MAX ||
           sys_thread_affinity(hog.thread.handle, 1u << core_count) == ERR_RANGE);
    for (unsigned i = 0; i < AFFINITY_ROUNDS; i++) {
        uint64_t cores = random_next(&state) & all;

        cores = cores == 0 ? 1ul << (i % core_count) : cores;
        must(sys_thread_affinity(hog.thread.handle, (uint32_t)cores));
        check_only_on(&hog, cores);
    }
    hogs_join(&hog, 1);
}

/* Until each core has been seen to run one of them. Other programs may be on it, too; then it takes longer. */
static void await_all_cores(const struct hog *hogs)
{
    const uint64_t all = core_count == 64 ? ~0ul : (1ul << core_count) - 1;
    uint64_t seen = 0;

    while (seen != all) {
        for (uint64_t i = 0; i < core_count; i++) {
            seen |= 1ul << atomic_load_explicit(&hogs[i].at, memory_order_relaxed);
        }
        clock_sleep(NS_PER_MS);
    }
}

/* How much of all cores' time the hogs have for a while, in percent. */
static uint64_t measure_share(const struct hog *hogs)
{
    uint64_t before[CORES_MAX] = {0}, total = 0, start = clock_now();
    const uint64_t cores = core_count;

    for (uint64_t i = 0; i < cores; i++) {
        before[i] = hog_ns(&hogs[i]);
    }
    clock_sleep(SPREAD_NS);
    uint64_t span = clock_now() - start;
    VERIFY(span > 0 && cores > 0);
    for (uint64_t i = 0; i < cores; i++) {
        total += hog_ns(&hogs[i]) - before[i];
    }
    return total * 100 / (span * cores);
}

/*
 * As many hogs as cores, all begun on one: each core gets one to run. How much of the cores they keep busy says something
 * only where nobody else uses them and no host stops them: alone=1.
 */
void check_spread(void)
{
    static struct hog hogs[CORES_MAX];

    VERIFY(core_count > 0 && core_count <= CORES_MAX);
    for (uint64_t i = 0; i < core_count; i++) {
        hogs[i].looks = true;
        hog_start(&hogs[i], THREAD_CORE(0));
    }
    for (uint64_t i = 0; i < core_count; i++) {
        must(sys_thread_affinity(hogs[i].thread.handle, UINT32_MAX));
    }
    await_all_cores(hogs);
    uint64_t percent = measure_share(hogs);
    hogs_join(hogs, (unsigned)core_count);
    report("spread: %lu hogs kept %lu cores busy for %lu percent", core_count, core_count, percent);
    VERIFY(percent >= 90 || !option_flag("alone"));
}
