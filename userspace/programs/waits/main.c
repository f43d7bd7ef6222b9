/* SPDX-License-Identifier: MIT */
/*
 * waits: events, futexes and channels: what each call promises, and that no wake-up is lost or made up under load.
 *
 *   rounds=N (2000) of each race   kib=N (1024) through each channel
 */
#include <stdio.h>

#include "userspace/lib/option.h"
#include "userspace/programs/waits/waits.h"

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

int main(int argc, char **argv)
{
    uint64_t rounds = option_u64("rounds", 2000);
    uint64_t kib = option_u64("kib", 1024);

    (void)argc;
    (void)argv;
    check_events(rounds);
    check_futexes(rounds);
    check_mutexes(rounds);
    check_channels(kib);
    return 0;
}
