/* SPDX-License-Identifier: MIT */
/* Events. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "gen/objects.h"
#include "gen/syscall_user.h"
#include "kernel/abi/event.h"
#include "kernel/abi/message.h"
#include "userspace/programs/waits/waits.h"

static uint64_t event, rounds;
static uint64_t several[3];
static atomic_ullong taken, ended;

static uint64_t make(const char *name)
{
    uint64_t made;

    must(sys_event_create(name, strlen(name), &made));
    return made;
}

static void check_conditions(void)
{
    uint64_t signals = 0;

    event = make("conditions");
    EXPECT(ERR_TIMED_OUT, sys_event_wait(event, ~0ull, DEADLINE_POLL, 0, &signals));
    must(sys_event_signal(event, 0x5, 0));
    must(sys_event_wait(event, 0x4, DEADLINE_POLL, 0, &signals));
    VERIFY(signals == 0x5);
    EXPECT(ERR_TIMED_OUT, sys_event_wait(event, 0xa, DEADLINE_POLL, 0, &signals));
    EXPECT(ERR_TIMED_OUT, sys_event_wait(event, 0x7, DEADLINE_POLL, EVENT_ALL, &signals));
    must(sys_event_wait(event, 0x5, DEADLINE_POLL, EVENT_ALL, &signals));
    must(sys_event_wait(event, 0x6, DEADLINE_POLL, EVENT_CLEAR, &signals)); /* takes 0x4 */
    VERIFY(signals == 0x5);
    EXPECT(ERR_TIMED_OUT, sys_event_wait(event, 0x4, DEADLINE_POLL, 0, &signals));
    must(sys_event_signal(event, 1ull << 63, 0x1)); /* cleared first, then set */
    must(sys_event_wait(event, ~0ull, DEADLINE_POLL, 0, &signals));
    VERIFY(signals == 1ull << 63);
    must(sys_event_signal(event, 0x2, 0x2));
    must(sys_event_wait(event, 0x2, DEADLINE_POLL, 0, &signals));
    EXPECT(ERR_BAD_ARGUMENT, sys_event_wait(event, 0, DEADLINE_POLL, 0, &signals));
    EXPECT(ERR_BAD_ARGUMENT, sys_event_wait(event, 1, DEADLINE_POLL, 4, &signals));
    must(sys_handle_close(event));
    EXPECT(ERR_BAD_HANDLE, sys_event_signal(event, 1, 0));
    EXPECT(ERR_BAD_HANDLE, sys_event_wait(event, 1, DEADLINE_POLL, 0, &signals));
}

/* One call does both, or, refused, neither. */
static void check_signal_and_wait(void)
{
    uint64_t signals = 0;

    event = make("signal and wait");
    EXPECT(ERR_BAD_ARGUMENT, sys_event_signal_wait(event, 1, 0, DEADLINE_POLL, 0, &signals));
    EXPECT(ERR_BAD_ARGUMENT, sys_event_signal_wait(event, 1, 1, DEADLINE_POLL, 4, &signals));
    EXPECT(ERR_TIMED_OUT, sys_event_wait(event, ~0ull, DEADLINE_POLL, 0, &signals));
    EXPECT(ERR_TIMED_OUT, sys_event_signal_wait(event, 1, 2, DEADLINE_POLL, 0, &signals));
    EXPECT(ERR_TIMED_OUT, sys_event_signal_wait(event, 1, 2, soon(NS_PER_MS), 0, &signals));
    must(sys_event_signal_wait(event, 4, 5, DEADLINE_FOREVER, EVENT_ALL | EVENT_CLEAR, &signals));
    VERIFY(signals == 5);
    EXPECT(ERR_TIMED_OUT, sys_event_wait(event, ~0ull, DEADLINE_POLL, 0, &signals));
    must(sys_handle_close(event));
    EXPECT(ERR_BAD_HANDLE, sys_event_signal_wait(event, 1, 1, DEADLINE_POLL, 0, &signals));
}

static void check_rights(void)
{
    uint64_t waiter, signaller, signals;

    event = make("rights");
    must(sys_handle_duplicate(event, RIGHT_EVENT_WAIT, 0, &waiter));
    must(sys_handle_duplicate(event, RIGHT_EVENT_SIGNAL, 0, &signaller));
    EXPECT(ERR_NO_RIGHTS, sys_event_signal(waiter, 1, 0));
    EXPECT(ERR_NO_RIGHTS, sys_event_wait(signaller, 1, DEADLINE_POLL, 0, &signals));
    EXPECT(ERR_NO_RIGHTS, sys_event_signal_wait(waiter, 2, 2, DEADLINE_POLL, 0, &signals));
    EXPECT(ERR_NO_RIGHTS, sys_event_signal_wait(signaller, 2, 2, DEADLINE_POLL, 0, &signals));
    EXPECT(ERR_TIMED_OUT, sys_event_wait(waiter, 2, DEADLINE_POLL, 0, &signals));
    must(sys_event_signal(signaller, 1, 0));
    must(sys_event_wait(waiter, 1, DEADLINE_POLL, 0, &signals));
    must(sys_handle_close(waiter));
    must(sys_handle_close(signaller));
    must(sys_handle_close(event));
}

static void check_deadline(void)
{
    uint64_t signals, deadline = soon(2 * NS_PER_MS);
    const struct event_condition condition = {make("deadline"), 1, 0};

    EXPECT(ERR_TIMED_OUT, sys_event_wait(condition.event, 1, deadline, 0, &signals));
    VERIFY(clock_now() >= deadline);
    uint64_t index;
    deadline = soon(2 * NS_PER_MS);
    EXPECT(ERR_TIMED_OUT, sys_event_wait_many(&condition, 1, deadline, &index, &signals));
    VERIFY(clock_now() >= deadline);
    must(sys_handle_close(condition.event));
}

static void wait_until_closed(void *number)
{
    uint64_t signals, index;
    const struct event_condition condition = {event, 1, 0};
    status_t status = (uint64_t)number % 2 == 0
                          ? sys_event_wait(event, 1, DEADLINE_FOREVER, 0, &signals)
                          : sys_event_wait_many(&condition, 1, DEADLINE_FOREVER, &index, &signals);

    VERIFY(status == ERR_PEER_CLOSED || status == ERR_BAD_HANDLE); /* was late */
    atomic_fetch_add(&ended, 1);
}

static void start_some(struct thread *threads, unsigned count, void (*function)(void *))
{
    for (uint64_t i = 0; i < count; i++) {
        must(thread_start(&threads[i], function, (void *)i, THREAD_ANYWHERE, "waits"));
    }
}

/* Whoever waits when the last handle is closed is told; whoever comes later finds no handle. */
static void check_closing(void)
{
    struct thread threads[4];

    event = make("closing");
    start_some(threads, 4, wait_until_closed);
    clock_sleep(5 *
                NS_PER_MS); /* until they wait: nothing tells; later is fine, too, but tests less */
    must(sys_handle_close(event));
    for (unsigned i = 0; i < 4; i++) {
        thread_join(&threads[i]);
    }
    VERIFY(atomic_load(&ended) == 4);
}

/* A token goes round: thread i waits for bit i and sets the next. A lost wake-up stops it for ever. */
static void pass_token(void *number)
{
    uint64_t own = 1ull << (uint64_t)number;
    uint64_t next = 1ull << ((uint64_t)number + 1) % THREADS;
    uint64_t signals;

    for (uint64_t i = 0; i < rounds; i++) {
        must(sys_event_wait(event, own, DEADLINE_FOREVER, EVENT_CLEAR, &signals));
        VERIFY(signals == own);
        VERIFY(atomic_fetch_add(&taken, 1) == i * THREADS + (uint64_t)number);
        must(sys_event_signal(event, next, 0));
    }
}

/* The same with one call, which hands the core over to the next thread if that waits here. */
static void hand_token_on(void *number)
{
    uint64_t own = 1ull << (uint64_t)number;
    uint64_t next = 1ull << ((uint64_t)number + 1) % THREADS;
    uint64_t signals;

    must(sys_event_wait(event, own, DEADLINE_FOREVER, EVENT_CLEAR, &signals));
    for (uint64_t i = 0; i + 1 < rounds; i++) {
        uint64_t deadline = i % 8 == 0 ? soon(10 * NS_PER_S) : DEADLINE_FOREVER;
        VERIFY(signals == own);
        VERIFY(atomic_fetch_add(&taken, 1) == i * THREADS + (uint64_t)number);
        must(sys_event_signal_wait(event, next, own, deadline, EVENT_CLEAR, &signals));
    }
    atomic_fetch_add(&taken, 1);
    must(sys_event_signal(event, next, 0));
}

static void check_token(void (*pass)(void *))
{
    uint64_t signals;

    event = make("token");
    atomic_store(&taken, 0);
    must(sys_event_signal(event, 1, 0));
    run_threads(pass);
    must(sys_event_wait(event, ~0ull, DEADLINE_POLL, 0, &signals));
    VERIFY(signals == 1 && atomic_load(&taken) == rounds * THREADS);
    must(sys_handle_close(event));
}

/* A more urgent thread that a signal wakes has run before the signaller goes on: each signal finds it waiting again. */
static void count_signals(void *argument)
{
    uint64_t signals;

    (void)argument;
    for (uint64_t i = 0; i < rounds; i++) {
        must(sys_event_wait(event, 1, DEADLINE_FOREVER, EVENT_CLEAR, &signals));
        atomic_fetch_add(&taken, 1);
    }
}

static void signal_and_look(void *argument)
{
    struct thread urgent;
    uint64_t late = 0;

    (void)argument;
    must(
        thread_start(&urgent, count_signals, NULL, THREAD_PRIORITY(12) | THREAD_CORE(0), "urgent"));
    (void)sys_thread_yield();
    for (uint64_t i = 0; i < rounds; i++) {
        must(sys_event_signal(event, 1, 0));
        if (atomic_load(&taken) != i + 1) {
            late++;
            clock_sleep(NS_PER_MS); /* the urgent one runs now at the latest */
        }
    }
    thread_join(&urgent);
    VERIFY(late <= rounds / 10); /* none but after 100 ms in which the machine stood still: aging */
}

static void check_urgency(void)
{
    struct thread signaller;

    event = make("urgency");
    atomic_store(&taken, 0);
    must(thread_start(&signaller, signal_and_look, NULL, THREAD_PRIORITY(4) | THREAD_CORE(0),
                      "signaller"));
    thread_join(&signaller);
    must(sys_handle_close(event));
}

/* All take the same signal, with short deadlines: each that is set is taken once. */
static void take_some(void *number)
{
    uint64_t signals;

    if ((uint64_t)number == 0) {
        for (uint64_t i = 0; i < rounds; i++) {
            must(sys_event_signal(event, 1, 0));
            must(sys_event_wait(event, 2, DEADLINE_FOREVER, EVENT_CLEAR, &signals)); /* taken */
        }
        must(sys_event_signal(event, 4, 0));
        return;
    }
    for (;;) {
        status_t status = sys_event_wait(event, 1, soon((uint64_t)number * 20 * NS_PER_US),
                                         EVENT_CLEAR, &signals);
        if (status == OK) {
            atomic_fetch_add(&taken, 1);
            must(sys_event_signal(event, 2, 0));
        } else {
            EXPECT(ERR_TIMED_OUT, status);
            if (sys_event_wait(event, 4, DEADLINE_POLL, 0, &signals) == OK) {
                return;
            }
        }
    }
}

static void check_takers(void)
{
    event = make("takers");
    atomic_store(&taken, 0);
    run_threads(take_some);
    VERIFY(atomic_load(&taken) == rounds);
    must(sys_handle_close(event));
}

/* One signal that stays set ends all waits. */
static void wait_for_gate(void *number)
{
    uint64_t signals;

    (void)number;
    must(sys_event_wait(event, 0x30, DEADLINE_FOREVER, EVENT_ALL, &signals));
    VERIFY((signals & 0x30) == 0x30);
}

static void check_gate(void)
{
    struct thread threads[THREADS];

    event = make("gate");
    start_some(threads, THREADS, wait_for_gate);
    must(sys_event_signal(event, 0x10, 0));
    must(sys_event_signal(event, 0x20, 0));
    for (unsigned i = 0; i < THREADS; i++) {
        thread_join(&threads[i]);
    }
    must(sys_handle_close(event));
}

/* The even threads set signals of three events in turn, the odd ones wait for any of the three. */
static void use_several(void *number)
{
    uint64_t pair = (uint64_t)number / 2;
    uint64_t request = 1ull << 2 * pair, answer = 2ull << 2 * pair;
    uint64_t signals, index;

    for (uint64_t i = 0; i < rounds / 4; i++) {
        uint64_t which = (i + pair) % 3;
        if ((uint64_t)number % 2 == 0) {
            must(sys_event_signal(several[which], request, 0));
            must(sys_event_wait(several[which], answer, DEADLINE_FOREVER, EVENT_CLEAR, &signals));
        } else {
            const struct event_condition conditions[] = {{several[0], request, EVENT_CLEAR},
                                                         {several[1], request, EVENT_CLEAR},
                                                         {several[2], request, EVENT_CLEAR}};
            must(sys_event_wait_many(conditions, 3, DEADLINE_FOREVER, &index, &signals));
            VERIFY(index == which && (signals & request) != 0);
            must(sys_event_signal(several[index], answer, 0));
        }
    }
}

static void check_several(void)
{
    uint64_t signals, index;
    struct event_condition many[EVENT_WAIT_MAX + 1];

    for (unsigned i = 0; i < 3; i++) {
        several[i] = make("several");
    }
    run_threads(use_several);
    for (unsigned i = 0; i <= EVENT_WAIT_MAX; i++) {
        many[i] = (struct event_condition){several[i % 3], 1, 0};
    }
    EXPECT(ERR_TIMED_OUT,
           sys_event_wait_many(many, EVENT_WAIT_MAX, DEADLINE_POLL, &index, &signals));
    EXPECT(ERR_BAD_ARGUMENT,
           sys_event_wait_many(many, EVENT_WAIT_MAX + 1, DEADLINE_POLL, &index, &signals));
    EXPECT(ERR_BAD_ARGUMENT, sys_event_wait_many(many, 0, DEADLINE_POLL, &index, &signals));
    must(sys_event_signal(several[1], 1, 0));
    must(sys_event_wait_many(many, 3, DEADLINE_FOREVER, &index, &signals));
    VERIFY(index == 1);
    many[2].event = 0; /* never open */
    EXPECT(ERR_BAD_HANDLE, sys_event_wait_many(many, 3, DEADLINE_POLL, &index, &signals));
    EXPECT(ERR_BAD_ADDRESS,
           sys_event_wait_many((const void *)8, 3, DEADLINE_POLL, &index, &signals));
    for (unsigned i = 0; i < 3; i++) {
        must(sys_handle_close(several[i]));
    }
}

void check_events(uint64_t count)
{
    rounds = count;
    check_conditions();
    check_signal_and_wait();
    check_rights();
    check_deadline();
    check_closing();
    check_token(pass_token);
    check_token(hand_token_on);
    check_urgency();
    check_takers();
    check_gate();
    check_several();
    report("events: %lu rounds", rounds);
}
