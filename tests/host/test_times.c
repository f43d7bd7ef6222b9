/* SPDX-License-Identifier: MIT */
/* User and kernel time: what is counted adds up to what a thread has had, in every order of periods (S2, S3 of sched/times.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "arch/cpu.h"
#include "base/hooks.h"
#include "sched/thread.h"
#include "tests/host/kernel_support.h"
#include "trace/ring/switch.h"

static struct thread self;
static char process[1]; /* its address is enough */
static status_t patching;
static bool sites_on;

status_t trace_switch_times(bool on)
{
    if (patching == OK) {
        sites_on = on;
    }
    return patching;
}

uint64_t thread_ticks(const struct thread *thread)
{
    return (uint64_t)(thread->ticks < 0 ? thread->ticks + (int64_t)cpu_tsc() : thread->ticks);
}

static int begin(void **state)
{
    (void)state;
    support_begin(0);
    patching = OK;
    self = (struct thread){.process = (void *)process, .count.period = time_period()};
    self.ticks = -(int64_t)cpu_tsc();
    this_cpu()->current = &self;
    this_cpu()->user_since = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    patching = OK;
    assert_int_equal(time_count(false), OK);
    return 0;
}

static void spend(unsigned ticks)
{
    for (tsc_t until = cpu_tsc() + ticks; cpu_tsc() < until;) {
    }
}

static void leave_core(void)
{
    self.ticks += (int64_t)cpu_tsc();
}

static void enter_core(void)
{
    self.ticks -= (int64_t)cpu_tsc();
}

static void expect_sum(void)
{
    leave_core();
    struct thread_times times = thread_times(&self);
    assert_int_equal(times.user + times.kernel + times.uncounted, self.ticks);
    enter_core();
}

static void the_parts_add_up_to_the_whole(void **state)
{
    (void)state;
    spend(2000);
    assert_int_equal(time_count(true), OK);
    assert_true(sites_on);
    time_user_begins();
    uint64_t before = thread_times(&self).uncounted;
    assert_true(before >= 2000);
    spend(5000);
    assert_true(thread_times(&self).user >= 5000); /* the visit that goes on counts, too */
    time_user_ends();
    uint64_t user = thread_times(&self).user;
    spend(3000);
    struct thread_times times = thread_times(&self);
    assert_int_equal(times.user, user);
    assert_int_equal(times.uncounted, before);
    assert_true(times.kernel >= 3000);
    expect_sum();
    time_user_begins();
    spend(100);
    time_user_ends();
    assert_true(thread_times(&self).user >= user + 100);
    expect_sum();
}

static void a_thread_of_this_period_has_nothing_uncounted(void **state)
{
    (void)state;
    assert_int_equal(time_count(true), OK);
    self.count = (struct thread_count){.period = time_period()};
    time_user_begins();
    time_user_ends();
    assert_int_equal(thread_times(&self).uncounted, 0);
    expect_sum();
}

static void what_an_earlier_period_counted_is_forgotten(void **state)
{
    (void)state;
    assert_int_equal(time_count(true), OK);
    time_user_begins();
    spend(1000);
    time_user_ends();
    assert_int_equal(time_count(false), OK);
    assert_false(sites_on);
    assert_int_equal(thread_times(&self).user + thread_times(&self).kernel, 0);
    assert_int_equal(time_count(true), OK);
    assert_int_equal(thread_times(&self).user, 0);
    expect_sum();
    time_user_begins();
    time_user_ends();
    assert_true(thread_times(&self).uncounted >= 1000);
    expect_sum();
}

static void a_failed_switch_changes_nothing(void **state)
{
    (void)state;
    patching = ERR_CORRUPT;
    assert_int_equal(time_count(true), ERR_CORRUPT);
    assert_false(time_is_counted());
    patching = OK;
    assert_int_equal(time_count(true), OK);
    assert_int_equal(time_count(true), OK);
    assert_true(time_is_counted());
    patching = ERR_CORRUPT;
    assert_int_equal(time_count(false), ERR_CORRUPT);
    assert_true(time_is_counted());
}

static void a_kernel_thread_has_kernel_time_only(void **state)
{
    (void)state;
    self.process = NULL;
    leave_core();
    assert_int_equal(thread_times(&self).kernel, self.ticks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_parts_add_up_to_the_whole, begin, end),
        cmocka_unit_test_setup_teardown(a_thread_of_this_period_has_nothing_uncounted, begin, end),
        cmocka_unit_test_setup_teardown(what_an_earlier_period_counted_is_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(a_failed_switch_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_kernel_thread_has_kernel_time_only, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
