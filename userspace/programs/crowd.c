/* SPDX-License-Identifier: MIT */
/*
 * crowd: many threads that wait for a message, for whoever has to list them all.
 *
 *   threads=N (500)   keep_ms=N (0) how long they stand when all are there
 *
 * Passes if everybody gets one.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/message.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"

#define THREADS_MAX 2000u

static struct thread threads[THREADS_MAX];
static uint64_t mailbox;
static atomic_uint standing;

/* As a server does that nobody calls. */
static void stand(void *argument)
{
    struct message message = {0};

    (void)argument;
    atomic_fetch_add_explicit(&standing, 1, memory_order_relaxed);
    must(message_receive(mailbox, &message, DEADLINE_FOREVER));
}

static void await_all(uint64_t count)
{
    while (atomic_load_explicit(&standing, memory_order_relaxed) < count) {
        clock_sleep(NS_PER_MS);
    }
}

static void wake_one(void)
{
    struct message message = {0};

    must(message_send(mailbox, &message, DEADLINE_FOREVER));
}

int main(int argc, char **argv)
{
    uint64_t count = option_u64("threads", 500);
    uint64_t keep_ms = option_u64("keep_ms", 0);
    char name[16];

    (void)argc;
    (void)argv;
    VERIFY(count >= 1 && count <= THREADS_MAX);
    must(sys_mailbox_create("crowd", 5, &mailbox));
    for (uint64_t i = 0; i < count; i++) {
        (void)snprintf(name, sizeof(name), "stand %lu", i);
        must(thread_start(&threads[i], stand, NULL, THREAD_ANYWHERE, name));
    }
    await_all(count);
    printf("crowd: %lu threads stand\n", count);
    clock_sleep(keep_ms * NS_PER_MS);
    for (uint64_t i = 0; i < count; i++) {
        wake_one();
    }
    for (uint64_t i = 0; i < count; i++) {
        thread_join(&threads[i]);
    }
    report("%lu threads", count);
    return 0;
}
