/* SPDX-License-Identifier: MIT */
/*
 * faults: threads of one process, each on a core of its own, touch pages at the same time: of areas of their own, or with
 * `shared` of one area, each thread every fourth page.
 *
 *   threads=N (4)   pages=N (20000) for each   rounds=N (1)   shared=1 (0)
 *
 * Before and after each round it enters kdebug, where whoever measures reads how often cores have waited for locks
 * (`print lock_waits[0]`). Nothing but faults happens in between.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"

#define THREADS_MAX 8u
#define AREA_PAGES  511u /* one more, and it would be a single large page */
#define AREAS_MAX   256u

static uint64_t threads, areas;
static bool is_shared;
static uint64_t address[THREADS_MAX][AREAS_MAX];
static atomic_uint turn, ready, done;

static uint64_t map_area(void)
{
    uint64_t area, at;

    must(sys_area_create(AREA_PAGES * PAGE_BYTES, 0, &area));
    must(sys_area_map(program.self, area, 0, AREA_PAGES * PAGE_BYTES, 0, PROT_READ | PROT_WRITE,
                      &at));
    must(sys_handle_close(area)); /* goes with its mapping */
    return at;
}

static void map_all(void)
{
    for (uint64_t thread = 0; thread < threads; thread++) {
        for (uint64_t i = 0; i < areas; i++) {
            address[thread][i] = is_shared && thread > 0 ? address[0][i] : map_area();
        }
    }
}

/* All pages were zero, and nobody else has written to them since. */
static void check_and_unmap(void)
{
    for (uint64_t i = 0; i < (is_shared ? 1 : threads) * areas; i++) {
        uint64_t at = address[i / areas][i % areas];
        for (uint64_t page = 0; page < AREA_PAGES; page++) {
            VERIFY(*(volatile uint64_t *)(at + page * PAGE_BYTES) ==
                   (is_shared ? page % threads : i / areas) + 1);
        }
        must(sys_area_unmap(program.self, at, AREA_PAGES * PAGE_BYTES));
    }
}

static void touch_all(uint64_t thread)
{
    uint64_t first = is_shared ? thread : 0, step = is_shared ? threads : 1;

    for (uint64_t i = 0; i < areas; i++) {
        for (uint64_t page = first; page < AREA_PAGES; page += step) {
            volatile uint64_t *word = (uint64_t *)(address[thread][i] + page * PAGE_BYTES);
            VERIFY(*word == 0);
            *word = thread + 1;
        }
    }
    atomic_fetch_add(&done, 1);
}

static void wait_for(const atomic_uint *count, unsigned value)
{
    while (atomic_load(count) < value) {
        __asm__ volatile("pause");
    }
}

/* Polite in user mode between rounds: no system call, so no lock. */
static void run_thread(void *argument)
{
    uint64_t thread = (uint64_t)argument, rounds = option_u64("rounds", 1);

    for (unsigned round = 1; round <= rounds; round++) {
        atomic_fetch_add(&ready, 1);
        wait_for(&turn, round);
        touch_all(thread);
    }
}

static void run_round(uint64_t debug, unsigned round)
{
    atomic_store(&done, 0);
    map_all();
    wait_for(&ready, (unsigned)(round * (threads - 1)));
    must(sys_debug_enter(debug));
    atomic_store(&turn, round);
    touch_all(0);
    wait_for(&done, (unsigned)threads);
    must(sys_debug_enter(debug));
    check_and_unmap();
}

int main(int argc, char **argv)
{
    static struct thread others[THREADS_MAX];
    uint64_t rounds = option_u64("rounds", 1), cpu, cpus;

    (void)argc;
    (void)argv;
    is_shared = option_flag("shared");
    must(sys_cpu_info(&cpu, &cpus));
    threads = option_u64("threads", 4);
    areas = option_u64("pages", 20000) / AREA_PAGES;
    VERIFY(threads <= THREADS_MAX && threads <= cpus && areas > 0 && areas <= AREAS_MAX);
    for (uint64_t i = 1; i < threads; i++) {
        must(thread_start(&others[i], run_thread, (void *)i, THREAD_CORE((cpu + i) % cpus),
                          "toucher"));
    }
    for (unsigned round = 1; round <= rounds; round++) {
        run_round(program_handle("debug"), round);
    }
    for (uint64_t i = 1; i < threads; i++) {
        thread_join(&others[i]);
    }
    uint64_t pages = areas * AREA_PAGES * (is_shared ? 1 : threads);
    mark(MARK_CHECKED, rounds * pages);
    report("%lu rounds of %lu pages on %lu cores", rounds, pages, threads);
    return 0;
}
