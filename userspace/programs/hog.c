/* SPDX-License-Identifier: MIT */
/*
 * hog: threads that only compute. More of them on one core than it can run, so that the scheduler
 * has to preempt.
 *
 *   threads=N (3)   steps=N (50000000) of each
 *   core=N: all there; core=spread: each where it likes; default: all on the last core
 *
 * Each thread walks a linear congruential generator step by step and compares the end with the
 * value that squaring gives in 64 steps, so one wrong register after an interrupt shows.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "gen/syscall_user.h"
#include "userspace/lib/check.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"

#define THREADS_MAX 16u
#define FACTOR      6364136223846793005ull /* Knuth, MMIX */
#define ADDEND      1442695040888963407ull

struct hog {
    struct thread thread;
    uint64_t seed, steps;
    uint64_t end;
};

static struct hog hogs[THREADS_MAX];

static uint64_t step(uint64_t x)
{
    return x * FACTOR + ADDEND;
}

/*
 * The generator's value after so many steps: x -> factor * x + addend, combined with itself by
 * squaring.
 */
static uint64_t jump(uint64_t x, uint64_t steps)
{
    uint64_t factor = FACTOR, addend = ADDEND;

    for (; steps > 0; steps >>= 1) {
        if ((steps & 1) != 0) {
            x = x * factor + addend;
        }
        addend = addend * (factor + 1);
        factor = factor * factor;
    }
    return x;
}

static void compute(void *argument)
{
    struct hog *hog = argument;
    uint64_t x = hog->seed;

    for (uint64_t i = 0; i < hog->steps; i++) {
        x = step(x);
    }
    hog->end = x;
}

static uint64_t choose_core(void)
{
    const char *core = option_text("core", NULL);
    uint64_t cpu, count;

    if (core != NULL && strcmp(core, "spread") == 0) {
        return THREAD_ANYWHERE;
    }
    must(sys_cpu_info(&cpu, &count));
    return THREAD_CORE(option_u64("core", count - 1) % count);
}

int main(int argc, char **argv)
{
    uint64_t threads = option_u64("threads", 3);
    uint64_t steps = option_u64("steps", 50000000);
    uint64_t core = choose_core();

    (void)argc;
    (void)argv;
    VERIFY(threads >= 1 && threads <= THREADS_MAX);
    for (uint64_t i = 0; i < threads; i++) {
        hogs[i].seed = i * 977 + 1;
        hogs[i].steps = steps + i; /* so that their ends differ, too */
        must(thread_start(&hogs[i].thread, compute, &hogs[i], core, "hog"));
    }
    for (uint64_t i = 0; i < threads; i++) {
        thread_join(&hogs[i].thread);
        VERIFY(hogs[i].end == jump(hogs[i].seed, hogs[i].steps));
        mark(MARK_CHECKED, i);
    }
    report("%lu threads, %lu steps each", threads, steps);
    return 0;
}
