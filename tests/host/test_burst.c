/* SPDX-License-Identifier: MIT */
/* More than so many events within so long: against a model that keeps all times, alone, in threads and in handlers between them. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#include "arch/cpu.h"
#include "trace/ring/burst.h"

#ifdef __SANITIZE_THREAD__
static const bool is_tsan = true; /* it delivers no signal in the middle of anything */
#else
static const bool is_tsan = false;
#endif

static struct trace_burst burst;

static int begin(void **state)
{
    (void)state;
    memset(&burst, 0, sizeof(burst));
    return 0;
}

static struct trace_burst_event count_at(const struct trace_burst_limit *limit, tsc_t now)
{
    struct trace_burst_event event;
    assert_true(trace_burst_try(&burst, limit, now, &event));
    return event;
}

/* What must become of event i (from 0), by all times up to it and the one that fired last, from 1; 0: none. */
static bool must_fire(const struct trace_burst_limit *limit, const tsc_t *times, uint64_t i,
                      uint64_t fired)
{
    return i + 1 > fired + limit->more && times[i] - times[i - limit->more] <= limit->within;
}

/* ---- one after the other ---- */

static void the_window_has_exact_ends(void **state)
{
    (void)state;
    static const struct {
        unsigned more;
        tsc_t within, times[4];
        bool fires[4];
    } cases[] = {
        {2, 100, {10, 60, 110, 111}, {false, false, true, false}},
        {2, 100, {10, 60, 111, 160}, {false, false, false, true}},
        {2, 99, {10, 60, 110, 200}, {false, false, false, false}},
        {1, 1, {10, 12, 13, 14}, {false, false, true, false}},
        {3, 1000, {1, 2, 3, 4}, {false, false, false, true}},
        {4, 1000, {1, 2, 3, 4}, {false, false, false, false}},
        {0, 1, {10, 500, 501, 900}, {true, true, true, true}},
        {1,
         UINT64_MAX / 2,
         {1, 1ull << 62, (1ull << 62) + 1, UINT64_MAX / 2},
         {false, true, false, true}},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct trace_burst_limit limit = {.more = cases[i].more, .within = cases[i].within};
        begin(NULL);
        for (unsigned k = 0; k < 4; k++) {
            struct trace_burst_event event = count_at(&limit, cases[i].times[k]);
            assert_int_equal(event.fires, cases[i].fires[k]);
            assert_int_equal(event.number, k + 1);
            assert_int_equal(event.time, cases[i].times[k]);
            if (event.fires) {
                assert_int_equal(event.elapsed,
                                 cases[i].times[k] - cases[i].times[k - cases[i].more]);
            }
        }
        assert_int_equal(trace_burst_counted(&burst), 4);
    }
}

static void a_model_agrees_round_after_round(void **state)
{
    (void)state;
    static const unsigned mores[] = {0, 1, 2, 7, 100, 254, TRACE_BURST_MAX};
    enum { EVENTS = 20 * TRACE_BURST_PLACES };
    static tsc_t times[EVENTS];
    srand(7);
    for (unsigned i = 0; i < sizeof(mores) / sizeof(mores[0]); i++) {
        const struct trace_burst_limit limit = {.more = mores[i], .within = 50ull * mores[i] + 1};
        uint64_t fired = 0, hits = 0;
        tsc_t now = 1000;
        begin(NULL);
        for (uint64_t k = 0; k < EVENTS; k++) {
            now += 1 + (unsigned)rand() % 100;
            times[k] = now;
            bool must = must_fire(&limit, times, k, fired);
            assert_int_equal(count_at(&limit, now).fires, must);
            fired = must ? k + 1 : fired;
            hits += must;
        }
        assert_true(hits > 0 && (mores[i] == 0 || hits < EVENTS / (mores[i] + 1)));
    }
}

/* The head counts since the last that fired only so far. */
static void a_burst_after_a_long_quiet_time_fires_once_on_its_last(void **state)
{
    (void)state;
    const struct trace_burst_limit limit = {.more = TRACE_BURST_MAX, .within = 1000};
    tsc_t now = 0;
    for (unsigned i = 0; i < 10000; i++) {
        assert_false(count_at(&limit, now += 5).fires);
    }
    now += 1001;
    for (unsigned i = 0; i <= TRACE_BURST_MAX; i++) {
        assert_int_equal(count_at(&limit, now += 3).fires, i == TRACE_BURST_MAX);
    }
    for (unsigned i = 0; i < 10000; i++) {
        assert_false(count_at(&limit, now += 5).fires);
    }
}

static void a_clock_that_is_behind_counts_as_one_tick_later(void **state)
{
    (void)state;
    const struct trace_burst_limit limit = {.more = 1, .within = 10};
    struct trace_burst_event event;
    assert_false(count_at(&limit, 1000).fires);
    event = count_at(&limit, 400);
    assert_true(event.fires);
    assert_int_equal(event.elapsed, 1);
    assert_int_equal(event.time, 1001);
    assert_false(count_at(&limit, 1012).fires);
}

static void a_core_that_stands_still_behind_its_place_is_helped(void **state)
{
    (void)state;
    const struct trace_burst_limit limit = {.more = 1, .within = 10};
    struct trace_burst_event event;
    assert_false(count_at(&limit, 100).fires);
    atomic_store(&burst.at[2], 105 << 1 | 1); /* it has fired, but has not moved the head */
    assert_false(trace_burst_try(&burst, &limit, 106, &event));
    assert_int_equal(trace_burst_counted(&burst), 2);
    event = count_at(&limit, 107);
    assert_int_equal(event.number, 3);
    assert_false(event.fires); /* counting has begun anew */
    assert_true(count_at(&limit, 108).fires);
}

/* ---- all at once ---- */

#define THREADS     4u
#define LOG_EVENTS  (is_tsan ? 30000u : 150000u)
#define SIGNALS_MAX 20000u
#define TIMER_US    200

struct log {
    struct trace_burst_event *event;
    unsigned count, max;
};

static const struct trace_burst_limit shared_limit = {.more = 20, .within = 20000};
static struct log logs[THREADS][2]; /* of the thread, of handlers in it */
static _Thread_local struct log *own;

static void count_into(struct log *log)
{
    struct trace_burst_event event;
    if (log->count == log->max) {
        return;
    }
    while (!trace_burst_try(&burst, &shared_limit, cpu_tsc(), &event)) {
    }
    log->event[log->count++] = event;
}

static void interrupt_counts(int number)
{
    (void)number;
    if (own != NULL) {
        count_into(&own[1]);
    }
}

static void *run_counter(void *argument)
{
    own = argument;
    for (unsigned i = 0; i < own[0].max; i++) {
        count_into(&own[0]);
        if (i % 64 == 0) {
            tsc_t until = cpu_tsc() + i / 64 % 8 * 40000; /* else all of it is one burst */
            while (cpu_tsc() < until) {
            }
        }
    }
    return NULL;
}

static void start_timer(unsigned microseconds)
{
    struct itimerval timer = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* Every event in its place, as if one had come after the other. */
static void check_all(struct trace_burst_event *all, tsc_t *times, uint64_t total)
{
    uint64_t fired = 0;
    for (unsigned i = 0; i < 2 * THREADS; i++) {
        const struct log *log = &logs[i / 2][i % 2];
        for (unsigned k = 0; k < log->count; k++) {
            uint64_t number = log->event[k].number;
            assert_true(number >= 1 && number <= total && all[number - 1].number == 0);
            all[number - 1] = log->event[k];
        }
    }
    for (uint64_t k = 0; k < total; k++) {
        times[k] = all[k].time;
        assert_true(k == 0 || times[k] > times[k - 1]);
        bool must = must_fire(&shared_limit, times, k, fired);
        assert_int_equal(all[k].fires, must);
        fired = must ? k + 1 : fired;
    }
}

static void all_cores_and_their_interrupts_count_as_one(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    uint64_t total = 0;
    const struct sigaction action = {.sa_handler = interrupt_counts, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    for (unsigned i = 0; i < THREADS; i++) {
        logs[i][0] = (struct log){calloc(LOG_EVENTS, sizeof(*logs[i][0].event)), 0, LOG_EVENTS};
        logs[i][1] = (struct log){calloc(SIGNALS_MAX, sizeof(*logs[i][1].event)), 0, SIGNALS_MAX};
    }
    start_timer(is_tsan ? 0 : TIMER_US);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_counter, logs[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        total += logs[i][0].count + logs[i][1].count;
    }
    start_timer(0);
    assert_int_equal(trace_burst_counted(&burst), total);
    struct trace_burst_event *all = calloc(total, sizeof(*all));
    tsc_t *times = calloc(total, sizeof(*times));
    check_all(all, times, total);
    free(all);
    free(times);
    for (unsigned i = 0; i < 2 * THREADS; i++) {
        free(logs[i / 2][i % 2].event);
    }
}

#define TEST(function) cmocka_unit_test_setup(function, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_window_has_exact_ends),
        TEST(a_model_agrees_round_after_round),
        TEST(a_burst_after_a_long_quiet_time_fires_once_on_its_last),
        TEST(a_clock_that_is_behind_counts_as_one_tick_later),
        TEST(a_core_that_stands_still_behind_its_place_is_helped),
        TEST(all_cores_and_their_interrupts_count_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
