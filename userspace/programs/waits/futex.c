/* SPDX-License-Identifier: MIT */
/* Futexes. */
#include <stdatomic.h>
#include <stdio.h>

#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "kernel/abi/message.h"
#include "userspace/lib/start.h"
#include "userspace/programs/waits/waits.h"

#define AREA_BYTES 0x1000ul

static _Atomic uint32_t word, other;
static uint64_t rounds;
static atomic_ullong woken_ok, woken_count;
static _Atomic uint32_t *alias;
static atomic_bool stop;

static status_t wait_on(_Atomic uint32_t *at, uint32_t expected, uint64_t deadline)
{
    return sys_futex_wait((uint64_t)at, expected, deadline);
}

static status_t wake_and_wait(_Atomic uint32_t *first, _Atomic uint32_t *at, uint32_t expected,
                              uint64_t deadline)
{
    return sys_futex_wake_wait((uint64_t)first, (uint64_t)at, expected, deadline);
}

static uint64_t wake(_Atomic uint32_t *at, uint64_t count)
{
    uint64_t woken = 0;

    must(sys_futex_wake((uint64_t)at, count, &woken));
    return woken;
}

static void check_promises(void)
{
    uint64_t woken, moved, deadline = soon(2 * NS_PER_MS);

    atomic_store(&word, 7);
    EXPECT(ERR_CHANGED, wait_on(&word, 8, DEADLINE_FOREVER));
    EXPECT(ERR_CHANGED, wait_on(&word, 8, DEADLINE_POLL));
    EXPECT(ERR_TIMED_OUT, wait_on(&word, 7, DEADLINE_POLL));
    EXPECT(ERR_TIMED_OUT, wait_on(&word, 7, deadline));
    VERIFY(clock_now() >= deadline);
    VERIFY(wake(&word, 1000) == 0);
    EXPECT(ERR_RANGE, sys_futex_wait((uint64_t)&word + 1, 7, DEADLINE_POLL));
    EXPECT(ERR_RANGE, sys_futex_wait(~3ull, 7, DEADLINE_POLL));
    EXPECT(ERR_BAD_ADDRESS, sys_futex_wait(0x10000, 7, DEADLINE_POLL));
    EXPECT(ERR_BAD_ADDRESS, sys_futex_wake(0x10000, 1, &woken));
    EXPECT(ERR_CHANGED,
           sys_futex_requeue((uint64_t)&word, 8, 1, (uint64_t)&other, 1, &woken, &moved));
    EXPECT(ERR_BAD_ADDRESS, sys_futex_requeue((uint64_t)&word, 7, 1, 0x10000, 1, &woken, &moved));
    must(sys_futex_requeue((uint64_t)&word, 7, 1, (uint64_t)&other, 1, &woken, &moved));
    VERIFY(woken == 0 && moved == 0);
    EXPECT(ERR_CHANGED, wake_and_wait(&other, &word, 8, DEADLINE_FOREVER));
    EXPECT(ERR_TIMED_OUT, wake_and_wait(&other, &word, 7, DEADLINE_POLL));
    EXPECT(ERR_TIMED_OUT, wake_and_wait(&word, &word, 7, soon(NS_PER_MS)));
    EXPECT(ERR_RANGE, sys_futex_wake_wait((uint64_t)&other + 1, (uint64_t)&word, 7, DEADLINE_POLL));
    EXPECT(ERR_BAD_ADDRESS, sys_futex_wake_wait(0x10000, (uint64_t)&word, 7, DEADLINE_POLL));
    EXPECT(ERR_BAD_ADDRESS, sys_futex_wake_wait((uint64_t)&word, 0x10000, 7, DEADLINE_POLL));
}

/* Short deadlines against wake-ups: as many waits end with OK as wake-ups count. */
static void wait_or_time_out(void *number)
{
    if ((uint64_t)number == 0) {
        for (uint64_t i = 0; i < rounds; i++) {
            atomic_fetch_add(&woken_count, wake(&word, 1 + i % 3));
        }
        atomic_store(&stop, true);
        return;
    }
    while (!atomic_load(&stop)) {
        status_t status = wait_on(&word, 0, soon((uint64_t)number * 10 * NS_PER_US));
        if (status == OK) {
            atomic_fetch_add(&woken_ok, 1);
        } else {
            EXPECT(ERR_TIMED_OUT, status);
        }
    }
}

static void check_conservation(void)
{
    atomic_store(&word, 0);
    atomic_store(&stop, false);
    run_threads(wait_or_time_out);
    VERIFY(atomic_load(&woken_ok) == atomic_load(&woken_count));
}

static void wait_once(void *number)
{
    (void)number;
    must(wait_on(&word, 0, DEADLINE_FOREVER));
    atomic_fetch_add(&woken_ok, 1);
}

/* Wait until all are on the word: a wake-up of nobody's word tells nothing, so they are moved away and back. */
static void gather(uint64_t expected)
{
    uint64_t woken, moved = 0, there = 0;

    while (there < expected) {
        must(sys_futex_requeue((uint64_t)&word, 0, 0, (uint64_t)&other, expected, &woken, &moved));
        VERIFY(woken == 0);
        there += moved;
    }
}

static void check_requeue(void)
{
    struct thread threads[THREADS];
    uint64_t woken, moved;

    for (uint64_t i = 0; i < rounds / 50; i++) {
        atomic_store(&word, 0);
        atomic_store(&other, 0);
        atomic_store(&woken_ok, 0);
        for (unsigned k = 0; k < THREADS; k++) {
            must(thread_start(&threads[k], wait_once, NULL, THREAD_ANYWHERE, "requeued"));
        }
        gather(THREADS);
        VERIFY(wake(&word, 1000) == 0); /* they wait on the other now */
        must(sys_futex_requeue((uint64_t)&other, 0, 1, (uint64_t)&word, 2, &woken, &moved));
        VERIFY(woken == 1 && moved == 2);
        VERIFY(wake(&word, 1) == 1);
        VERIFY(wake(&other, 1000) == THREADS - 3);
        VERIFY(wake(&word, 1000) == 1);
        for (unsigned k = 0; k < THREADS; k++) {
            thread_join(&threads[k]);
        }
        VERIFY(atomic_load(&woken_ok) == THREADS);
    }
}

/* Ping-pong between two addresses of one word: the key is where it lies. */
static void take_turns(void *number)
{
    _Atomic uint32_t *at = (uint64_t)number % 2 == 0 ? alias : alias + AREA_BYTES / sizeof(*alias);
    uint32_t own = (uint32_t)(uint64_t)number;

    for (uint64_t i = 0; i < rounds; i++) {
        for (;;) {
            uint32_t turn = atomic_load(at);
            if (turn % THREADS == own) {
                break;
            }
            status_t status = wait_on(at, turn, DEADLINE_FOREVER);
            VERIFY(status == OK || status == ERR_CHANGED);
        }
        atomic_fetch_add(at, 1);
        (void)wake(at, THREADS);
    }
}

static void check_alias(void)
{
    uint64_t area, first, second;

    must(sys_area_create(AREA_BYTES, 0, &area));
    must(sys_area_map(program.self, area, 0, AREA_BYTES, 0x600000000000, PROT_READ | PROT_WRITE,
                      &first));
    must(sys_area_map(program.self, area, 0, AREA_BYTES, first + AREA_BYTES, PROT_READ | PROT_WRITE,
                      &second));
    alias = (_Atomic uint32_t *)first;
    run_threads(take_turns);
    VERIFY(atomic_load(alias) == rounds * THREADS);
    must(sys_area_unmap(program.self, first, 2 * AREA_BYTES));
    must(sys_handle_close(area));
}

/* Each has a word of its own: odd, it is its turn. A lost wake-up stops both for ever. */
static void take_turns_with_one_call(void *number)
{
    uint32_t own = (uint32_t)(uint64_t)number;
    _Atomic uint32_t *mine = own == 0 ? &word : &other, *theirs = own == 0 ? &other : &word;

    for (uint64_t i = 0; i < rounds; i++) {
        while (atomic_load(mine) != 2 * i + 1) {
            status_t status = wait_on(mine, (uint32_t)(2 * i), DEADLINE_FOREVER);
            VERIFY(status == OK || status == ERR_CHANGED);
        }
        atomic_store(mine, (uint32_t)(2 * i + 2));
        atomic_store(theirs, (uint32_t)(2 * (i + own) + 1));
        if (i + 1 < rounds) {
            status_t status = wake_and_wait(theirs, mine, (uint32_t)(2 * i + 2), DEADLINE_FOREVER);
            VERIFY(status == OK || status == ERR_CHANGED);
        } else {
            (void)wake(theirs, 1);
        }
    }
}

static void check_one_call(void)
{
    struct thread threads[2];

    atomic_store(&word, 1); /* the first one's turn */
    atomic_store(&other, 0);
    for (uint64_t i = 0; i < 2; i++) {
        must(thread_start(&threads[i], take_turns_with_one_call, (void *)i, THREAD_ANYWHERE,
                          "turns"));
    }
    for (unsigned i = 0; i < 2; i++) {
        thread_join(&threads[i]);
    }
    VERIFY(atomic_load(&word) == 2 * rounds + 1 && atomic_load(&other) == 2 * rounds);
}

void check_futexes(uint64_t count)
{
    rounds = count;
    check_promises();
    check_conservation();
    check_requeue();
    check_alias();
    check_one_call();
    report("futexes: %lu rounds", rounds);
}
