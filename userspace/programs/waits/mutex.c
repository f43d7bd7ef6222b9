/* SPDX-License-Identifier: MIT */
/* Mutexes and conditions of the library. */
#include "userspace/lib/mutex.h"

#include "kernel/abi/message.h"
#include "userspace/programs/waits/waits.h"

#define CAPACITY 3u /* of the queue: fewer than threads, so that both sides wait */

static struct mutex mutex;
static struct condition not_empty, not_full, next_turn;
static uint64_t rounds, sum, taken_sum, queued, turn, arrived;

/* ---- one at a time ---- */

static void add_up(void *number)
{
    (void)number;
    for (uint64_t i = 0; i < rounds; i++) {
        mutex_lock(&mutex);
        uint64_t seen = sum;
        if (i % 16 == 0) {
            (void)sys_thread_yield(); /* so that somebody has to wait */
        }
        sum = seen + 1;
        mutex_unlock(&mutex);
    }
}

static void check_exclusion(void)
{
    run_threads(add_up);
    VERIFY(sum == rounds * THREADS);
    VERIFY(mutex_try_lock(&mutex));
    VERIFY(!mutex_try_lock(&mutex));
    EXPECT(ERR_TIMED_OUT, mutex_lock_until(&mutex, soon(NS_PER_MS)));
    mutex_unlock(&mutex);
    EXPECT(OK, mutex_lock_until(&mutex, DEADLINE_POLL));
    EXPECT(ERR_TIMED_OUT, condition_wait(&not_empty, &mutex, soon(NS_PER_MS)));
    VERIFY(!mutex_try_lock(&mutex)); /* it is held again */
    mutex_unlock(&mutex);
}

/* ---- a queue between two halves of the threads ---- */

static void put(void)
{
    mutex_lock(&mutex);
    while (queued == CAPACITY) {
        must(condition_wait(&not_full, &mutex, DEADLINE_FOREVER));
    }
    queued++;
    condition_wake_one(&not_empty);
    mutex_unlock(&mutex);
}

static void take(void)
{
    mutex_lock(&mutex);
    while (queued == 0) {
        must(condition_wait(&not_empty, &mutex, DEADLINE_FOREVER));
    }
    VERIFY(queued <= CAPACITY);
    queued--;
    taken_sum++;
    mutex_unlock(&mutex);
    condition_wake_one(&not_full); /* without the mutex, too */
}

static void pass_on(void *number)
{
    for (uint64_t i = 0; i < rounds; i++) {
        if ((uint64_t)number % 2 == 0) {
            put();
        } else {
            take();
        }
    }
}

static void check_queue(void)
{
    run_threads(pass_on);
    VERIFY(queued == 0 && taken_sum == rounds * THREADS / 2);
}

/* ---- all at once: the last to arrive wakes the others ---- */

static void go_round(void *number)
{
    (void)number;
    for (uint64_t i = 0; i < rounds; i++) {
        mutex_lock(&mutex);
        VERIFY(turn == i);
        if (++arrived == THREADS) {
            arrived = 0;
            turn++;
            condition_wake_all(&next_turn);
        }
        while (turn == i) {
            must(condition_wait(&next_turn, &mutex, DEADLINE_FOREVER));
        }
        mutex_unlock(&mutex);
    }
}

void check_mutexes(uint64_t count)
{
    rounds = count;
    check_exclusion();
    check_queue();
    run_threads(go_round);
    VERIFY(turn == rounds);
}
