/* SPDX-License-Identifier: MIT */
/* Run queues against a model, and the rules of feedback, aging and stealing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "arch/clock.h"
#include "sched/run_queue.h"
#include "tests/host/kernel_support.h"

#define THREADS 60

static struct run_queue *const queue = &run_queues[0];
static struct thread threads[THREADS];

/* A tick is a nanosecond. */
uint64_t clock_tsc_khz(void)
{
    return 1000000;
}

static int begin(void **state)
{
    (void)state;
    support_begin(0);
    for (unsigned i = 0; i < CPU_MAX; i++) {
        run_queues[i] = (struct run_queue){0};
    }
    run_queue_init();
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){.tid = i + 1, .run = THREAD_READY, .affinity = UINT32_MAX};
        list_init(&threads[i].run_link);
    }
    return 0;
}

static void highest_level_and_oldest_first(void **state)
{
    (void)state;
    run_queue_add_locked(queue, &threads[0], 8, false, 1);
    run_queue_add_locked(queue, &threads[1], 8, false, 2);
    run_queue_add_locked(queue, &threads[2], 31, false, 3);
    run_queue_add_locked(queue, &threads[3], 0, false, 4);
    run_queue_add_locked(queue, &threads[4], 8, true, 5); /* its slice was cut short */
    static const unsigned order[] = {2, 4, 0, 1, 3};
    for (unsigned i = 0; i < ARRAY_COUNT(order); i++) {
        assert_ptr_equal(run_queue_take_locked(queue), &threads[order[i]]);
    }
    assert_null(run_queue_take_locked(queue));
    assert_int_equal(run_queue_best(queue), -1);
}

/* The model: who is in, at which level, since which step. */
static void random_order_matches_the_model(void **state)
{
    (void)state;
    int level_of[THREADS];
    unsigned since[THREADS] = {0}, count = 0;
    srand(7);
    for (unsigned i = 0; i < THREADS; i++) {
        level_of[i] = -1;
    }
    for (unsigned step = 1; step < 30000; step++) {
        unsigned i = (unsigned)rand() % THREADS;
        if (rand() % 3 == 0) {
            unsigned best = THREADS;
            for (unsigned j = 0; j < THREADS; j++) {
                if (level_of[j] >= 0 &&
                    (best == THREADS || level_of[j] > level_of[best] ||
                     (level_of[j] == level_of[best] && since[j] < since[best]))) {
                    best = j;
                }
            }
            struct thread *taken = run_queue_take_locked(queue);
            assert_ptr_equal(taken, best == THREADS ? NULL : &threads[best]);
            if (taken != NULL) {
                level_of[best] = -1;
                count--;
            }
        } else if (level_of[i] < 0) {
            level_of[i] = rand() % (int)LEVEL_COUNT;
            since[i] = step;
            run_queue_add_locked(queue, &threads[i], (unsigned)level_of[i], false, step);
            count++;
        } else {
            run_queue_remove_locked(queue, &threads[i]);
            level_of[i] = -1;
            count--;
        }
        assert_int_equal(queue->ready, count);
    }
}

static void hogs_sink_and_early_blockers_rise_within_limits(void **state)
{
    (void)state;
    unsigned level = 8;
    for (unsigned i = 0; i < 20; i++) {
        level = level_sunk(level, 8);
    }
    assert_int_equal(level, 8 - FEEDBACK_FALL);
    for (unsigned i = 0; i < 20; i++) {
        level = level_risen(level, 8);
    }
    assert_int_equal(level, 8 + FEEDBACK_RISE);
    assert_int_equal(level_risen(LEVEL_FEEDBACK_TOP, LEVEL_FEEDBACK_TOP), LEVEL_FEEDBACK_TOP);
    assert_int_equal(level_sunk(0, 2), 0);
    assert_int_equal(level_sunk(20, 20), 20);
    assert_int_equal(level_risen(20, 20), 20);
    for (level = 1; level <= LEVEL_FEEDBACK_TOP; level++) {
        assert_true(level_slice_ns(level) < level_slice_ns(level - 1));
    }
}

/* A hog at the top never leaves the core but for who was lifted: nobody waits for longer than A1. */
static void aging_keeps_its_bound(void **state)
{
    (void)state;
    enum { WAITERS = 10 };
    const tsc_t slice = level_slice_ns(LEVEL_FEEDBACK_TOP);
    const tsc_t bound = (WAITERS + 1) * (AGING_NS + 2 * slice);
    tsc_t now = 0, last[WAITERS] = {0};
    for (unsigned i = 0; i < WAITERS; i++) {
        run_queue_add_locked(queue, &threads[i], i, i % 2 == 0, now);
    }
    while (now < 20 * bound) {
        now += slice; /* of the hog */
        if (!run_queue_age_locked(queue, now)) {
            continue;
        }
        assert_int_equal(run_queue_best(queue), LEVEL_FEEDBACK_TOP);
        struct thread *lifted = run_queue_take_locked(queue);
        unsigned which = lifted->tid - 1;
        assert_true(now - last[which] <= bound);
        now += slice;
        last[which] = now;
        run_queue_add_locked(queue, lifted, which, which % 3 == 0, now);
    }
    for (unsigned i = 0; i < WAITERS; i++) {
        assert_true(last[i] != 0 && now - last[i] <= bound);
    }
}

static void real_time_threads_are_not_lifted(void **state)
{
    (void)state;
    run_queue_add_locked(queue, &threads[0], LEVEL_REAL_TIME, false, 0);
    run_queue_add_locked(queue, &threads[1], LEVEL_FEEDBACK_TOP, false, 0);
    assert_false(run_queue_age_locked(queue, 100 * AGING_NS));
    assert_int_equal(queue->aged, 0);
}

static void a_thief_takes_only_what_may_leave(void **state)
{
    (void)state;
    tsc_t now = 10 * STEAL_WAIT_NS;
    run_queue_add_locked(queue, &threads[0], 9, false, now);     /* has run only just now */
    run_queue_add_locked(queue, &threads[1], 8, false, 0);       /* not on core 3 */
    run_queue_add_locked(queue, &threads[2], 7, false, 0);       /* still leaving its core (T2) */
    run_queue_add_locked(queue, &threads[3], 6, false, now / 2); /* this one */
    threads[1].affinity = ~(1u << 3);
    atomic_store(&threads[2].on_cpu, 1);
    assert_ptr_equal(run_queue_steal_locked(queue, 3, now), &threads[3]);
    assert_null(run_queue_steal_locked(queue, 3, now));
    assert_int_equal(queue->ready, 3);
    assert_ptr_equal(run_queue_steal_locked(queue, 2, now), &threads[1]);
    assert_ptr_equal(run_queue_steal_locked(queue, 2, now + STEAL_WAIT_NS), &threads[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(highest_level_and_oldest_first, begin),
        cmocka_unit_test_setup(random_order_matches_the_model, begin),
        cmocka_unit_test_setup(hogs_sink_and_early_blockers_rise_within_limits, begin),
        cmocka_unit_test_setup(aging_keeps_its_bound, begin),
        cmocka_unit_test_setup(real_time_threads_are_not_lifted, begin),
        cmocka_unit_test_setup(a_thief_takes_only_what_may_leave, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
