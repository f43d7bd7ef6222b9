/* SPDX-License-Identifier: MIT */
/* Events and futexes: a signal nobody waits for, there and back between two, and waking the more urgent. */
#include <stdatomic.h>
#include <string.h>

#include "gen/objects.h"
#include "gen/syscall_user.h"
#include "kernel/abi/event.h"
#include "kernel/abi/memory.h"
#include "kernel/abi/message.h"
#include "userspace/lib/check.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/bench/bench.h"

#define WARM_UP 64u
#define RUNS    1000u

#define PING 1ull
#define PONG 2ull

static uint64_t event;
static volatile uint64_t stamp;
static _Atomic uint32_t word;

static uint64_t create_event(void)
{
    uint64_t made;

    must(sys_event_create("bench", strlen("bench"), &made));
    return made;
}

static struct figure measure_idle(void)
{
    struct samples *samples = samples_reset();
    uint64_t idle = create_event();

    for (unsigned i = 0; i < RUNS; i++) {
        MEASURE(samples, (void)sys_event_signal(idle, PING, 0));
    }
    must(sys_handle_close(idle));
    return samples_figure(samples);
}

static _Noreturn void answer_signals(uint64_t mine)
{
    uint64_t signals;

    for (;;) {
        must(sys_event_wait(mine, PING, DEADLINE_FOREVER, EVENT_CLEAR, &signals));
        must(sys_event_signal(mine, PONG, 0));
    }
}

static void ping_pong_by_two(void)
{
    uint64_t signals;

    (void)sys_event_signal(event, PING, 0);
    (void)sys_event_wait(event, PONG, DEADLINE_FOREVER, EVENT_CLEAR, &signals);
}

/* The same with one call for both. */
static _Noreturn void answer_and_wait(uint64_t mine)
{
    uint64_t signals;

    must(sys_event_wait(mine, PING, DEADLINE_FOREVER, EVENT_CLEAR, &signals));
    for (;;) {
        must(sys_event_signal_wait(mine, PONG, PING, DEADLINE_FOREVER, EVENT_CLEAR, &signals));
    }
}

static void ping_pong(void)
{
    uint64_t signals;

    (void)sys_event_signal_wait(event, PING, PONG, DEADLINE_FOREVER, EVENT_CLEAR, &signals);
}

static struct figure measure_ping_pong(const char *partner, void (*round)(void))
{
    struct samples *samples = samples_reset();
    event = create_event();
    const struct spawn_grant grants[] = {
        {"event", event, 0, RIGHT_EVENT_SIGNAL | RIGHT_EVENT_WAIT}};
    uint64_t process = bench_partner(partner, bench.core, grants, 1);

    for (unsigned i = 0; i < WARM_UP; i++) {
        round();
    }
    for (unsigned i = 0; i < RUNS; i++) {
        MEASURE(samples, round());
    }
    bench_stop_partner(process);
    must(sys_handle_close(event));
    return samples_figure(samples);
}

static void stamp_signals(void *argument)
{
    uint64_t signals = 0;

    (void)argument;
    while (!(signals & PONG)) {
        must(sys_event_wait(event, PING | PONG, DEADLINE_FOREVER, EVENT_CLEAR, &signals));
        stamp = clock_tsc();
    }
}

/* From the signal to the first instruction of the more urgent thread, which runs before the signaller goes on. */
static struct figure measure_wake(void)
{
    struct samples *samples = samples_reset();
    struct thread thread;

    event = create_event();
    must(thread_start(&thread, stamp_signals, NULL,
                      THREAD_PRIORITY(BENCH_URGENT) | THREAD_CORE(bench.core), "urgent"));
    (void)sys_thread_yield();
    for (unsigned i = 0; i < RUNS; i++) {
        uint64_t start = clock_tsc();
        (void)sys_event_signal(event, PING, 0);
        if (i >= WARM_UP && stamp > start) { /* else it has not run yet */
            samples_add(samples, stamp - start);
        }
    }
    must(sys_event_signal(event, PONG, 0));
    thread_join(&thread);
    must(sys_handle_close(event));
    return samples_figure(samples);
}

/* The word is whose turn it is; 2 ends the game. */
static void take_turns(void *argument)
{
    uint64_t woken;

    (void)argument;
    for (;;) {
        while (atomic_load(&word) == 0) {
            (void)sys_futex_wait((uint64_t)&word, 0, DEADLINE_FOREVER);
        }
        if (atomic_load(&word) == 2) {
            return;
        }
        atomic_store(&word, 0);
        (void)sys_futex_wake((uint64_t)&word, 1, &woken);
    }
}

static void take_turn_by_two(void)
{
    uint64_t woken;

    atomic_store(&word, 1);
    (void)sys_futex_wake((uint64_t)&word, 1, &woken);
    while (atomic_load(&word) == 1) {
        (void)sys_futex_wait((uint64_t)&word, 1, DEADLINE_FOREVER);
    }
}

/* The same with one call for both. */
static void hand_turns_over(void *argument)
{
    (void)argument;
    while (atomic_load(&word) == 0) {
        (void)sys_futex_wait((uint64_t)&word, 0, DEADLINE_FOREVER);
    }
    while (atomic_load(&word) != 2) {
        atomic_store(&word, 0);
        while (atomic_load(&word) == 0) {
            (void)sys_futex_wake_wait((uint64_t)&word, (uint64_t)&word, 0, DEADLINE_FOREVER);
        }
    }
}

static void take_turn(void)
{
    atomic_store(&word, 1);
    while (atomic_load(&word) == 1) {
        (void)sys_futex_wake_wait((uint64_t)&word, (uint64_t)&word, 1, DEADLINE_FOREVER);
    }
}

static struct figure measure_futex(void (*partner)(void *), void (*round)(void))
{
    struct samples *samples = samples_reset();
    struct thread thread;
    uint64_t woken;

    must(thread_start(&thread, partner, NULL, THREAD_CORE(bench.core), "futex"));
    for (unsigned i = 0; i < WARM_UP; i++) {
        round();
    }
    for (unsigned i = 0; i < RUNS; i++) {
        MEASURE(samples, round());
    }
    atomic_store(&word, 2);
    (void)sys_futex_wake((uint64_t)&word, 1, &woken);
    thread_join(&thread);
    return samples_figure(samples);
}

void event_role(const char *role)
{
    if (strcmp(role, "event") == 0) {
        answer_and_wait(program_handle("event"));
    } else if (strcmp(role, "event2") == 0) {
        answer_signals(program_handle("event"));
    }
}

void bench_events(void)
{
    figure_print("event.signal_idle", measure_idle());
    figure_print("event.ping_pong", measure_ping_pong("event", ping_pong));
    figure_print("event.ping_pong.two_calls", measure_ping_pong("event2", ping_pong_by_two));
    figure_print("event.wake_higher_priority", measure_wake());
    figure_print("futex.ping_pong", measure_futex(hand_turns_over, take_turn));
    figure_print("futex.ping_pong.two_calls", measure_futex(take_turns, take_turn_by_two));
}
