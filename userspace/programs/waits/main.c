/* SPDX-License-Identifier: MIT */
/*
 * waits: events, futexes and channels: what each call promises, and that no wake-up is lost or made up under load.
 *
 *   rounds=N (2000) of each race   kib=N (1024) through each channel
 */
#include <stdio.h>

#include "userspace/lib/option.h"
#include "userspace/lib/test.h"
#include "userspace/programs/waits/waits.h"

static uint64_t rounds;

void run_threads(void (*function)(void *))
{
    static struct thread threads[THREADS];

    for (uint64_t i = 0; i < THREADS; i++) {
        must(thread_start(&threads[i], function, (void *)i, THREAD_ANYWHERE, "waits"));
    }
    for (unsigned i = 0; i < THREADS; i++) {
        thread_join(&threads[i]);
    }
}

static void events(void)
{
    check_events(rounds);
}

static void futexes(void)
{
    check_futexes(rounds);
}

static void mutexes_and_conditions(void)
{
    check_mutexes(rounds);
}

static void channels(void)
{
    check_channels(option_u64("kib", 1024));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {TEST(events), TEST(futexes), TEST(mutexes_and_conditions),
                                        TEST(channels)};

    (void)argc;
    (void)argv;
    rounds = option_u64("rounds", 2000);
    return TESTS_RUN("waits", tests);
}
