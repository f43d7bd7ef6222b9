/* SPDX-License-Identifier: MIT */
/* Threads: their codes, suspending, and being ended in every state and at any moment. */
#include <stdio.h>

#include "userspace/lib/random.h"
#include "userspace/lib/start.h"
#include "userspace/programs/life/life.h"

#define CODE_KILLED    77u
#define SUSPEND_ROUNDS 10u
#define SILENCE_NS     (3 * NS_PER_MS)

void check_join(void)
{
    uint64_t code = 0;

    for (uint64_t i = 0; i < WORKERS_MAX; i++) {
        worker_start(&workers[i], WORKER_EXITS, i + 1000);
    }
    for (uint64_t i = 0; i < WORKERS_MAX; i++) {
        VERIFY(worker_end(&workers[i]) == i + 1000);
    }
    worker_start(&workers[0], WORKER_SLEEPS, 0);
    VERIFY(sys_thread_wait(workers[0].handle, DEADLINE_POLL, &code) == ERR_TIMED_OUT);
    VERIFY(sys_thread_wait(workers[0].handle, clock_now() + NS_PER_MS, &code) == ERR_TIMED_OUT);
    must(sys_thread_kill(workers[0].handle, CODE_KILLED));
    must(sys_thread_kill(workers[0].handle, CODE_KILLED + 1)); /* too late */
    must(sys_thread_wait(workers[0].handle, DEADLINE_FOREVER, &code));
    must(sys_thread_wait(workers[0].handle, DEADLINE_POLL, &code)); /* as often as one likes */
    VERIFY(worker_end(&workers[0]) == CODE_KILLED);
}

static void await_step(struct worker *worker, uint64_t steps)
{
    while (atomic_load_explicit(&worker->steps, memory_order_relaxed) <= steps) {
        clock_sleep(50 * NS_PER_US);
    }
}

/* From the return of thread_suspend on, not a step; after thread_resume, some. */
static void check_stands_still(struct worker *worker)
{
    must(sys_thread_suspend(worker->handle));
    uint64_t steps = atomic_load_explicit(&worker->steps, memory_order_relaxed);

    clock_sleep(SILENCE_NS);
    VERIFY(atomic_load_explicit(&worker->steps, memory_order_relaxed) == steps);
    must(sys_thread_suspend(worker->handle)); /* is not counted */
    must(sys_thread_resume(worker->handle));
    await_step(worker, steps);
}

void check_suspend(void)
{
    static const enum worker_kind kinds[] = {WORKER_SPINS, WORKER_YIELDS, WORKER_SLEEPS_BRIEFLY};
    const unsigned count = sizeof(kinds) / sizeof(kinds[0]);

    for (unsigned i = 0; i < count; i++) {
        worker_start(&workers[i], kinds[i], i);
    }
    for (unsigned round = 0; round < SUSPEND_ROUNDS; round++) {
        for (unsigned i = 0; i < count; i++) {
            check_stands_still(&workers[i]);
        }
    }
    /* A storm of both; the last word is to go on. */
    for (unsigned round = 0; round < 10 * SUSPEND_ROUNDS; round++) {
        must(sys_thread_suspend(workers[round % count].handle));
        must(sys_thread_resume(workers[round % count].handle));
    }
    for (unsigned i = 0; i < count; i++) {
        await_step(&workers[i], atomic_load_explicit(&workers[i].steps, memory_order_relaxed));
        must(sys_thread_suspend(workers[i].handle)); /* a suspended thread can be ended, too */
        must(sys_thread_kill(workers[i].handle, i));
        VERIFY(worker_end(&workers[i]) == i);
    }
}

/* How long a worker lives: not at all, until its first step, or somewhat longer. */
static void let_live(struct worker *worker, uint64_t *state)
{
    switch (random_next(state) % 3) {
    case 0:
        break;
    case 1:
        await_step(worker, 0);
        break;
    default:
        clock_sleep(random_next(state) % NS_PER_MS);
    }
}

void check_kill(uint64_t rounds)
{
    uint64_t state = rounds;

    for (uint64_t round = 0; round < rounds; round++) {
        enum worker_kind kinds[WORKERS_MAX];

        for (uint64_t i = 0; i < WORKERS_MAX; i++) {
            kinds[i] = (enum worker_kind)((round + i) % WORKER_KINDS);
            worker_start(&workers[i], kinds[i], i);
        }
        for (uint64_t i = 0; i < WORKERS_MAX; i++) {
            let_live(&workers[i], &state);
            must(sys_thread_kill(workers[i].handle, CODE_KILLED + i));
        }
        for (uint64_t i = 0; i < WORKERS_MAX; i++) {
            uint64_t code = worker_end(&workers[i]);

            if (code != CODE_KILLED + i && (kinds[i] != WORKER_EXITS || code != i)) {
                die("a worker of kind %u ended with %lu", kinds[i], code);
            }
        }
    }
}
