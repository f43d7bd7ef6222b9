/* SPDX-License-Identifier: MIT */
/*
 * Priority inversion: on one core a server at the bottom works for a caller at the bottom, a
 * real-time thread in the middle takes the core for good, and a more urgent one needs the server.
 * Only what it lends to the server, directly or through a second one, lets it have its answer.
 */
#include <stdio.h>
#include <string.h>

#include "userspace/lib/message.h"
#include "userspace/lib/start.h"
#include "userspace/programs/sched/sched.h"

#define PRIORITY_LOW    1u
#define PRIORITY_MIDDLE 20u
#define WORK_STEPS      2000000u /* of the server, for the caller at the bottom */
#define LOOK_NS         (1 * NS_PER_MS)
#define MIDDLE_NS       (3 * NS_PER_S)
#define ANSWER_NS       (2 * NS_PER_S)

#define LABEL_WORK 1u
#define LABEL_ASK  2u
#define LABEL_STOP 3u

static uint64_t first, second; /* mailboxes: of the server, and of the one it asks in its turn */
static bool through_second;
static atomic_bool working, hogging, answered; /* in this order, however slow the machine is */
static uint64_t waited_ns;

static void set(atomic_bool *what)
{
    atomic_store_explicit(what, true, memory_order_relaxed);
}

/* Asleep in between: who waits is more urgent than who is waited for. */
static void wait_until(atomic_bool *what)
{
    while (!atomic_load_explicit(what, memory_order_relaxed)) {
        must(sys_thread_sleep(clock_now() + LOOK_NS));
    }
}

static void work(void)
{
    set(&working);
    for (unsigned i = 0; i < WORK_STEPS; i++) {
        __asm__ volatile("");
    }
}

static void serve_second(void *argument)
{
    struct message message = {0};

    (void)argument;
    do {
        must(message_receive(second, &message, DEADLINE_FOREVER));
        if (message_label(&message) == LABEL_WORK) {
            work();
        }
        must(message_reply(second, &message));
    } while (message_label(&message) != LABEL_STOP);
}

static void serve_first(void *argument)
{
    struct message message = {0};

    (void)argument;
    for (;;) {
        must(message_receive(first, &message, DEADLINE_FOREVER));
        struct message onward = {.label = message_label(&message)};
        if (through_second) {
            must(message_call(second, &onward, DEADLINE_FOREVER));
        } else if (message_label(&message) == LABEL_WORK) {
            work();
        }
        uint32_t label = (uint32_t)message_label(&message);
        must(message_reply(first, &message));
        if (label == LABEL_STOP) {
            return;
        }
    }
}

static void call_first(uint64_t label, uint64_t deadline)
{
    struct message message = {.label = label};

    must(message_call(first, &message, deadline));
}

static void be_low(void *argument)
{
    (void)argument;
    call_first(LABEL_WORK, DEADLINE_FOREVER);
}

static void be_middle(void *argument)
{
    (void)argument;
    wait_until(&working);
    uint64_t end = clock_now() + MIDDLE_NS * patience;
    set(&hogging);
    while (!atomic_load_explicit(&answered, memory_order_relaxed) && clock_now() < end) {
        __asm__ volatile("pause");
    }
}

static void be_high(void *argument)
{
    (void)argument;
    wait_until(&hogging);
    uint64_t begin = clock_now();
    call_first(LABEL_ASK, begin + ANSWER_NS * patience);
    waited_ns = clock_now() - begin;
    set(&answered);
}

static void run_once(bool chained)
{
    static const struct {
        void (*run)(void *);
        unsigned priority;
    } roles[] = {{serve_second, PRIORITY_LOW},
                 {serve_first, PRIORITY_LOW},
                 {be_low, PRIORITY_LOW},
                 {be_middle, PRIORITY_MIDDLE},
                 {be_high, PRIORITY_URGENT}};
    struct thread threads[5];

    through_second = chained;
    atomic_store_explicit(&working, false, memory_order_relaxed);
    atomic_store_explicit(&hogging, false, memory_order_relaxed);
    atomic_store_explicit(&answered, false, memory_order_relaxed);
    must(sys_mailbox_create("first", strlen("first"), &first));
    must(sys_mailbox_create("second", strlen("second"), &second));
    for (unsigned i = 0; i < 5; i++) {
        must(thread_start(&threads[i], roles[i].run, NULL,
                          THREAD_CORE(core_count - 1) | THREAD_PRIORITY(roles[i].priority),
                          "inversion"));
    }
    for (unsigned i = 2; i < 5; i++) {
        thread_join(&threads[i]);
    }
    call_first(LABEL_STOP, DEADLINE_FOREVER);
    if (!chained) {
        struct message stop = {.label = LABEL_STOP};

        must(message_call(second, &stop, DEADLINE_FOREVER));
    }
    thread_join(&threads[0]);
    thread_join(&threads[1]);
    must(sys_handle_close(first));
    must(sys_handle_close(second));
    report("inversion%s: answered after %lu us", chained ? " through a second server" : "",
           waited_ns / NS_PER_US);
}

void check_inversion(void)
{
    run_once(false);
    run_once(true);
}
