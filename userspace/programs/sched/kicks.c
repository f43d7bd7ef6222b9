/* SPDX-License-Identifier: MIT */
/*
 * Interrupts between cores, where they change what runs and nowhere else. A thread of core 0 wakes threads of core 1, where a
 * hog of real-time priority computes: less urgent ones, equals, more urgent ones. Marks say when, so a trace tells how many interrupts
 * that took (tests/system/test_sched.py).
 */
#include <stdio.h>
#include <string.h>

#include "kernel/abi/event.h"
#include "kernel/abi/message.h"
#include "userspace/lib/mark.h"
#include "userspace/programs/sched/sched.h"

#define SLEEPERS    8u
#define HOG_URGENCY 20u
#define HOG_LOWEST  16u       /* below all sleepers: when it runs, they sleep */
#define MARK_BEGIN  MARK_FREE /* value: the sleepers' priority */
#define MARK_END    (MARK_FREE + 1)

struct sleeper {
    struct thread thread;
    uint64_t signal;
    atomic_bool woken;
};

static uint64_t event;
static struct hog hogs[2];

static void sleep_once(void *argument)
{
    struct sleeper *self = argument;
    uint64_t signals;

    must(sys_event_wait(event, self->signal, DEADLINE_FOREVER, EVENT_CLEAR, &signals));
    atomic_store(&self->woken, true);
}

/* The hog has the core: whoever is more urgent there waits for something. */
static void await_hog(const struct hog *hog)
{
    uint64_t steps = atomic_load(&hog->steps);

    while (atomic_load(&hog->steps) < steps + 3) {
        __builtin_ia32_pause();
    }
}

static void run_hog(struct hog *hog, unsigned priority)
{
    atomic_store(&hog->steps, 0);
    hog_start(hog, THREAD_CORE(1) | THREAD_PRIORITY(priority));
    await_hog(hog);
}

static void await_woken(struct sleeper *sleeper)
{
    while (!atomic_load(&sleeper->woken)) {
        __builtin_ia32_pause();
    }
}

static void check_wakes(unsigned priority)
{
    static struct sleeper sleepers[SLEEPERS];

    for (unsigned i = 0; i < SLEEPERS; i++) {
        sleepers[i] = (struct sleeper){.signal = 1ull << i};
        must(thread_start(&sleepers[i].thread, sleep_once, &sleepers[i],
                          THREAD_CORE(1) | THREAD_PRIORITY(priority), "sleeper"));
    }
    run_hog(&hogs[0], HOG_LOWEST);
    run_hog(&hogs[1], HOG_URGENCY);
    mark(MARK_BEGIN, priority);
    for (unsigned i = 0; i < SLEEPERS; i++) {
        must(sys_event_signal(event, sleepers[i].signal, 0));
        if (priority > HOG_URGENCY) {
            await_woken(&sleepers[i]);
            await_hog(&hogs[1]);
        } else {
            VERIFY(priority == HOG_URGENCY || !atomic_load(&sleepers[i].woken));
        }
    }
    mark(MARK_END, priority);
    hogs_join(hogs, 2);
    for (unsigned i = 0; i < SLEEPERS; i++) {
        thread_join(&sleepers[i].thread);
    }
}

static void check_all_wakes(void *argument)
{
    (void)argument;
    check_wakes(HOG_URGENCY - 2);
    check_wakes(HOG_URGENCY);
    check_wakes(HOG_URGENCY + 2);
}

void check_kicks(void)
{
    struct thread waker;

    if (core_count < 2) {
        return;
    }
    must(sys_event_create("kicks", strlen("kicks"), &event));
    must(thread_start(&waker, check_all_wakes, NULL, THREAD_CORE(0), "waker"));
    thread_join(&waker);
    must(sys_handle_close(event));
}
