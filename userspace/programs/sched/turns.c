/* SPDX-License-Identifier: MIT */
/* Who gets the core for how long: equals, the lowest beside the highest, real time, ceilings. */
#include <stdio.h>

#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/programs/sched/sched.h"

#define FAIR_HOGS     4u
#define FAIR_NS       (3 * NS_PER_S)
#define FAIR_PERCENT  5u /* by how much equal shares may differ */
#define STARVE_LOW    2u /* hogs at the bottom */
#define STARVE_NS     (3 * NS_PER_S)
#define AGING_NS      (100 * NS_PER_MS)
#define SLICE_MAX_NS  (17 * NS_PER_MS)
#define URGENT_ROUNDS 50u

/* The main thread sleeps meanwhile; what it does before and after is the same for all. */
void check_fairness(void)
{
    static struct hog hogs[FAIR_HOGS];
    uint64_t least = UINT64_MAX, most = 0;

    for (unsigned i = 0; i < FAIR_HOGS; i++) {
        hog_start(&hogs[i], THREAD_CORE(core_count - 1));
    }
    clock_sleep(FAIR_NS);
    for (unsigned i = 0; i < FAIR_HOGS; i++) {
        uint64_t ns = hog_ns(&hogs[i]);

        least = ns < least ? ns : least;
        most = ns > most ? ns : most;
    }
    hogs_join(hogs, FAIR_HOGS);
    report("fairness: %u equal hogs had %lu to %lu us", FAIR_HOGS, least / NS_PER_US,
           most / NS_PER_US);
    VERIFY((most - least) * 100 <= most * FAIR_PERCENT * patience);
}

/* A1 of kernel/sched/run_queue.h: of n that wait none does so for (n + 1) * (aging + 2 slices). */
void check_starvation(void)
{
    static struct hog hogs[STARVE_LOW + 2];
    const unsigned count = STARVE_LOW + 2;
    const uint64_t bound = (count + 1) * (AGING_NS + 2 * SLICE_MAX_NS);

    for (unsigned i = 0; i < count; i++) {
        hog_start(&hogs[i], THREAD_CORE(core_count - 1) |
                                THREAD_PRIORITY(i < STARVE_LOW ? 0 : PRIORITY_FEEDBACK));
    }
    clock_sleep(STARVE_NS);
    hogs_join(hogs, count);
    for (unsigned i = 0; i < STARVE_LOW; i++) {
        uint64_t gap = clock_ns_of_ticks(hogs[i].gap_ticks);

        report("starvation: a hog at the bottom waited %lu ms at most", gap / NS_PER_MS);
        VERIFY(gap > SLICE_MAX_NS && gap <= bound * patience);
    }
}

struct urgent {
    struct thread thread;
    struct hog *hog;
    uint64_t moved; /* steps of the hog while the urgent thread had the core */
    uint64_t late_ticks;
};

/* Runs on the hog's core: not a step of the hog between two of its own instructions. */
static void be_urgent(void *argument)
{
    struct urgent *urgent = argument;
    uint64_t now, khz;

    for (unsigned i = 0; i < URGENT_ROUNDS; i++) {
        must(sys_clock_get(&now, &khz));
        must(sys_thread_sleep(now + NS_PER_MS));
        uint64_t woken, steps = atomic_load_explicit(&urgent->hog->steps, memory_order_relaxed);

        must(sys_clock_get(&woken, &khz));
        urgent->late_ticks += woken - now - NS_PER_MS;
        for (unsigned j = 0; j < 100; j++) {
            (void)sys_thread_yield();
        }
        urgent->moved += atomic_load_explicit(&urgent->hog->steps, memory_order_relaxed) - steps;
    }
}

void check_real_time(void)
{
    static struct hog hog;
    static struct urgent urgent = {.hog = &hog};
    uint64_t core = THREAD_CORE(core_count - 1);

    hog_start(&hog, core | THREAD_PRIORITY(PRIORITY_FEEDBACK));
    must(thread_start(&urgent.thread, be_urgent, &urgent, core | THREAD_PRIORITY(PRIORITY_URGENT),
                      "urgent"));
    thread_join(&urgent.thread);
    hogs_join(&hog, 1);
    report("real time: %u wake-ups, late by %lu us on average", URGENT_ROUNDS,
           urgent.late_ticks / URGENT_ROUNDS / NS_PER_US);
    VERIFY(urgent.moved == 0);
}

static void sleep_briefly(void *argument)
{
    (void)argument;
    clock_sleep(10 * NS_PER_MS);
}

void check_ceiling(void)
{
    static struct thread sleeper;
    uint64_t process, child;

    must(thread_start(&sleeper, sleep_briefly, NULL, THREAD_ANYWHERE, "sleeper"));
    must(sys_thread_priority(sleeper.handle, PRIORITY_HIGHEST));
    must(sys_thread_priority(sleeper.handle, 0));
    VERIFY(sys_thread_priority(sleeper.handle, PRIORITY_HIGHEST + 1) == ERR_RANGE);
    thread_join(&sleeper);

    must(sys_process_create(NULL, 0, &process));
    VERIFY(sys_thread_create(process, 0x400000, 0x400000, 0, THREAD_PRIORITY(PRIORITY_URGENT), NULL,
                             &child) == ERR_BAD_ARGUMENT);
    must(sys_process_ceiling(process, PRIORITY_URGENT));
    VERIFY(sys_process_ceiling(process, PRIORITY_HIGHEST + 1) == ERR_RANGE);
    must(sys_handle_close(process));
}
