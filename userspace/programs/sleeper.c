/* SPDX-License-Identifier: MIT */
/*
 * sleeper: threads that wait for deadlines, by sleeping and by receiving from a mailbox that nobody
 * calls.
 *
 *   threads=N (3)   sleeps=N (80) of each   max_us=N (20000) longest sleep
 *
 * Passes if nobody ever wakes before the deadline. Lateness is reported; it depends on the machine.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/message.h"
#include "userspace/lib/option.h"
#include "userspace/lib/random.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"

#define THREADS_MAX 8u

struct sleeper {
    struct thread thread;
    uint64_t seed, sleeps, max_ns;
    uint64_t mailbox;
    uint64_t late_max_ns, late_sum_ns;
};

static struct sleeper sleepers[THREADS_MAX];

static void wait_until(struct sleeper *sleeper, uint64_t deadline, bool by_mailbox)
{
    struct message message = {0};

    if (!by_mailbox) {
        must(sys_thread_sleep(deadline));
        return;
    }
    VERIFY(message_receive(sleeper->mailbox, &message, deadline) == ERR_TIMED_OUT);
}

static void sleep_and_check(void *argument)
{
    struct sleeper *sleeper = argument;
    uint64_t state = sleeper->seed;

    for (uint64_t i = 0; i < sleeper->sleeps; i++) {
        uint64_t deadline = clock_now() + random_next(&state) % sleeper->max_ns;

        wait_until(sleeper, deadline, i % 4 == 3);
        uint64_t now = clock_now();
        VERIFY(now >= deadline);
        sleeper->late_sum_ns += now - deadline;
        if (now - deadline > sleeper->late_max_ns) {
            sleeper->late_max_ns = now - deadline;
        }
    }
}

/* What is over already must not wait, let alone until the counter comes round. */
static void check_past_deadlines(uint64_t mailbox)
{
    const uint64_t past[] = {0, 1, clock_now()};
    struct message message = {0};

    for (unsigned i = 0; i < sizeof(past) / sizeof(past[0]); i++) {
        must(sys_thread_sleep(past[i]));
        VERIFY(message_receive(mailbox, &message, past[i]) == ERR_TIMED_OUT);
    }
}

int main(int argc, char **argv)
{
    uint64_t threads = option_u64("threads", 3);
    uint64_t sleeps = option_u64("sleeps", 80);
    uint64_t late_max = 0, late_sum = 0;
    uint64_t mailbox;

    (void)argc;
    (void)argv;
    VERIFY(threads >= 1 && threads <= THREADS_MAX && sleeps >= 1);
    must(sys_mailbox_create("never called", strlen("never called"), &mailbox));
    check_past_deadlines(mailbox);
    for (uint64_t i = 0; i < threads; i++) {
        sleepers[i].seed = i;
        sleepers[i].sleeps = sleeps;
        sleepers[i].max_ns = option_u64("max_us", 20000) * NS_PER_US + 1;
        sleepers[i].mailbox = mailbox;
        must(thread_start(&sleepers[i].thread, sleep_and_check, &sleepers[i], THREAD_ANYWHERE,
                          "sleeper"));
    }
    for (uint64_t i = 0; i < threads; i++) {
        thread_join(&sleepers[i].thread);
        late_sum += sleepers[i].late_sum_ns;
        late_max = sleepers[i].late_max_ns > late_max ? sleepers[i].late_max_ns : late_max;
    }
    mark(MARK_CHECKED, threads * sleeps);
    report("%lu sleeps, late by %lu us on average, %lu us at most", threads * sleeps,
           late_sum / (threads * sleeps) / NS_PER_US, late_max / NS_PER_US);
    return 0;
}
