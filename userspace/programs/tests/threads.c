/* SPDX-License-Identifier: MIT */
/* Threads: where they run, what stops them, how they wait for each other and how they end. */
#include <stdatomic.h>
#include <string.h>

#include "userspace/lib/mutex.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/tests/tests.h"

#define THREADS 4u
#define TURNS   2000u

static atomic_ulong steps;
static atomic_bool is_over;
static struct mutex mutex;
static struct condition condition;
static uint64_t counter, seen_cpu[THREADS];

static void count_steps(void *argument)
{
    (void)argument;
    while (!atomic_load(&is_over)) {
        atomic_fetch_add(&steps, 1);
    }
}

static void begin(struct thread *thread, void (*function)(void *), void *argument)
{
    atomic_store(&is_over, false);
    must(thread_start(thread, function, argument, THREAD_ANYWHERE, "tests"));
}

static void wait_for_step(void)
{
    for (unsigned long now = atomic_load(&steps); atomic_load(&steps) == now;) {
        clock_sleep(NS_PER_MS / 10);
    }
}

static void a_suspended_thread_stands_still(void)
{
    struct thread thread;

    begin(&thread, count_steps, NULL);
    wait_for_step();
    must(sys_thread_suspend(thread.handle));
    unsigned long stood = atomic_load(&steps);
    clock_sleep(2 * NS_PER_MS);
    bool still = atomic_load(&steps) == stood;
    must(sys_thread_resume(thread.handle));
    wait_for_step();
    atomic_store(&is_over, true);
    thread_join(&thread);
    CHECK(still);
}

static void add_turns(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < TURNS; i++) {
        mutex_lock(&mutex);
        uint64_t before = *(volatile uint64_t *)&counter;
        *(volatile uint64_t *)&counter = before + 1;
        mutex_unlock(&mutex);
    }
}

static void a_mutex_lets_one_in(void)
{
    struct thread threads[THREADS];

    counter = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        begin(&threads[i], add_turns, NULL);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        thread_join(&threads[i]);
    }
    CHECK(counter == THREADS * TURNS);
    CHECK(mutex_try_lock(&mutex) && !mutex_try_lock(&mutex));
    mutex_unlock(&mutex);
}

static void take_turns(void *argument)
{
    const uint64_t own = (uint64_t)argument;

    mutex_lock(&mutex);
    for (uint64_t i = 0; i < 50; i++) {
        while (counter % THREADS != own) {
            (void)condition_wait(&condition, &mutex, DEADLINE_FOREVER);
        }
        counter++;
        condition_wake_all(&condition);
    }
    mutex_unlock(&mutex);
}

static void a_condition_wakes_who_waits(void)
{
    struct thread threads[THREADS];

    counter = 0;
    for (uint64_t i = 0; i < THREADS; i++) {
        begin(&threads[i], take_turns, (void *)i);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        thread_join(&threads[i]);
    }
    CHECK(counter == 50 * THREADS);
    mutex_lock(&mutex);
    status_t status = condition_wait(&condition, &mutex, clock_now() + NS_PER_MS);
    mutex_unlock(&mutex);
    CHECK(status == ERR_TIMED_OUT || status == OK);
}

static void look_where(void *argument)
{
    uint64_t count;

    must(sys_cpu_info((uint64_t *)argument, &count));
}

static void a_thread_runs_on_the_core_it_was_given(void)
{
    struct thread thread;
    uint64_t cpu, count;

    must(sys_cpu_info(&cpu, &count));
    for (uint64_t i = 0; i < count && i < THREADS; i++) {
        must(thread_start(&thread, look_where, &seen_cpu[i], THREAD_CORE(i), "tests"));
        thread_join(&thread);
        CHECK(seen_cpu[i] == i);
    }
}

static void a_sleep_is_never_too_short(void)
{
    for (uint64_t us = 1; us < 3000; us *= 4) {
        uint64_t until = clock_now() + us * NS_PER_US;
        must(sys_thread_sleep(until));
        CHECK(clock_now() >= until);
    }
    must(sys_thread_sleep(1)); /* long past */
}

static void end_with_code(void *argument)
{
    sys_thread_exit((uint64_t)argument);
}

static void whoever_ends_says_with_what(void)
{
    struct thread thread;
    uint64_t code;

    begin(&thread, end_with_code, (void *)17ul);
    must(sys_thread_wait(thread.handle, LONG, &code));
    CHECK(code == 17);
    thread_join(&thread);
    begin(&thread, count_steps, NULL);
    wait_for_step();
    CHECK_GIVES(ERR_TIMED_OUT, sys_thread_wait(thread.handle, DEADLINE_POLL, &code));
    must(sys_thread_kill(thread.handle, 18));
    must(sys_thread_wait(thread.handle, LONG, &code));
    CHECK(code == 18);
    thread_join(&thread);
}

int test_threads(void)
{
    static const struct test tests[] = {
        TEST(a_suspended_thread_stands_still), TEST(a_mutex_lets_one_in),
        TEST(a_condition_wakes_who_waits),     TEST(a_thread_runs_on_the_core_it_was_given),
        TEST(a_sleep_is_never_too_short),      TEST(whoever_ends_says_with_what),
    };

    return TESTS_RUN("threads", tests);
}
