/* SPDX-License-Identifier: MIT */
/*
 * sched: what the scheduler promises (kernel/sched/README.md).
 *
 *   only=NAME   one case: fairness starvation real_time inversion ceiling affinity spread kicks
 *   patience=N  bounds of time and of shares are N times as wide (1): more where the emulator stalls cores
 *   alone=1     nobody else uses the cores: the spread must keep all of them busy
 *
 * Its process may use every priority (services/init/manifest.c).
 */
#include "userspace/programs/sched/sched.h"

#include <stdio.h>
#include <string.h>

#include "userspace/lib/option.h"
#include "userspace/lib/start.h"

atomic_bool hogs_stop;
uint64_t core_count, patience;

static void count_steps(void *argument)
{
    struct hog *hog = argument;
    uint64_t last = clock_tsc();

    while (!atomic_load_explicit(&hogs_stop, memory_order_relaxed)) {
        uint64_t now = clock_tsc();

        hog->gap_ticks = now - last > hog->gap_ticks ? now - last : hog->gap_ticks;
        last = now;
        if (hog->looks) {
            uint64_t cpu, count;

            must(sys_cpu_info(&cpu, &count));
            atomic_store_explicit(&hog->at, cpu, memory_order_relaxed);
        }
        atomic_fetch_add_explicit(&hog->steps, 1, memory_order_relaxed);
    }
}

void hog_start(struct hog *hog, uint64_t flags)
{
    atomic_store_explicit(&hogs_stop, false, memory_order_relaxed);
    must(thread_start(&hog->thread, count_steps, hog, flags, "hog"));
}

void hogs_join(struct hog *hogs, unsigned count)
{
    atomic_store_explicit(&hogs_stop, true, memory_order_relaxed);
    for (unsigned i = 0; i < count; i++) {
        thread_join(&hogs[i].thread);
    }
}

uint64_t hog_ns(const struct hog *hog)
{
    uint64_t ns = 0;

    must(sys_thread_time(hog->thread.handle, &ns));
    return ns;
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"fairness", check_fairness},   {"starvation", check_starvation},
    {"real_time", check_real_time}, {"inversion", check_inversion},
    {"ceiling", check_ceiling},     {"affinity", check_affinity},
    {"spread", check_spread},       {"kicks", check_kicks},
};

int main(int argc, char **argv)
{
    const char *only = option_text("only", NULL);
    uint64_t cpu;
    unsigned done = 0;

    (void)argc;
    (void)argv;
    must(sys_cpu_info(&cpu, &core_count));
    patience = option_u64("patience", 1);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (only == NULL || strcmp(only, cases[i].name) == 0) {
            cases[i].run();
            done++;
        }
    }
    report("%u cases on %lu cores", done, core_count);
    return done > 0 ? 0 : EXIT_FAILED;
}
