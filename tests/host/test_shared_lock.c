/* SPDX-License-Identifier: MIT */
/* Shared locks with threads as cores: owners are alone, sharers are not, nobody starves (L1 to L3 of shared_lock.c). */
#include "sync/shared_lock.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/host/mm_support.h"

#define CORES  4u
#define ROUNDS 600u

static struct shared_lock lock, other;
static atomic_uint owners, sharers, met, wrong;
static atomic_bool stop;

static int set_up(void **state)
{
    (void)state;
    machine_start_plain(1 << 20);
    shared_lock_init(&lock, "lock", LOCK_RANK_SPACE);
    shared_lock_init(&other, "other", LOCK_RANK_SPACE);
    atomic_store(&owners, 0);
    atomic_store(&sharers, 0);
    atomic_store(&met, 0);
    atomic_store(&wrong, 0);
    atomic_store(&stop, false);
    return 0;
}

static void own_once(void)
{
    shared_lock_acquire(&lock);
    wrong += atomic_fetch_add(&owners, 1) != 0 || atomic_load(&sharers) != 0;
    sched_yield();
    wrong += atomic_load(&sharers) != 0;
    atomic_fetch_sub(&owners, 1);
    shared_lock_release(&lock);
}

static void share_once(void)
{
    shared_lock_share(&lock, SHARE_FIRST);
    met += atomic_fetch_add(&sharers, 1) != 0;
    wrong += atomic_load(&owners) != 0;
    sched_yield();
    wrong += atomic_load(&owners) != 0;
    atomic_fetch_sub(&sharers, 1);
    shared_lock_unshare(&lock, SHARE_FIRST);
}

static void *run_core(void *argument)
{
    unsigned cpu = (unsigned)(uintptr_t)argument;
    machine_set_cpu(cpu);
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 8 == cpu) {
            own_once();
        } else {
            share_once();
        }
    }
    return NULL;
}

static void run_cores(void *(*const roles[CORES])(void *))
{
    pthread_t threads[CORES];
    for (uintptr_t i = 0; i < CORES; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, roles[i], (void *)(i + 1)), 0);
    }
    for (unsigned i = 0; i < CORES; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void owners_are_alone_and_sharers_meet(void **state)
{
    (void)state;
    run_cores((void *(*const[])(void *)){run_core, run_core, run_core, run_core});
    assert_int_equal(atomic_load(&wrong), 0);
    assert_true(atomic_load(&met) > 0);
    assert_false(shared_lock_is_shared(&lock));
    assert_false(spinlock_is_held(&lock.spin));
}

static void *own_for_ever(void *argument)
{
    machine_set_cpu((unsigned)(uintptr_t)argument);
    while (!atomic_load(&stop)) {
        own_once();
    }
    return NULL;
}

static bool has_been_contended(void)
{
    return *(volatile uint32_t *)&lock.spin.contended > 0;
}

static void *share_for_a_while(void *argument)
{
    machine_set_cpu((unsigned)(uintptr_t)argument);
    /* Not before the owners are there: where host cores are short, all rounds may pass before they begin. */
    for (unsigned i = 0; i < ROUNDS / 4 || !has_been_contended(); i++) {
        share_once();
    }
    atomic_store(&stop, true);
    return NULL;
}

/* Three owners in turn never leave the lock free: without a ticket the sharer would wait for ever (L2). */
static void owners_do_not_starve_a_sharer(void **state)
{
    (void)state;
    run_cores(
        (void *(*const[])(void *)){own_for_ever, own_for_ever, own_for_ever, share_for_a_while});
    assert_int_equal(atomic_load(&wrong), 0);
    assert_true(lock.spin.contended > 0);
}

static void sharing_alone_takes_no_ticket(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        shared_lock_share(&lock, SHARE_FIRST);
        assert_true(shared_lock_is_shared(&lock));
        assert_false(shared_lock_is_shared(&other));
        shared_lock_share(&other, SHARE_SECOND);
        assert_true(shared_lock_is_shared(&other));
        shared_lock_unshare(&other, SHARE_SECOND);
        shared_lock_unshare(&lock, SHARE_FIRST);
    }
    assert_int_equal(lock.spin.acquired, 0);
    assert_int_equal(other.spin.acquired, 0);
}

static void ranks_are_checked(void **state)
{
    (void)state;
    shared_lock_share(&lock, SHARE_FIRST);
    panic_expected = true;
    if (setjmp(panic_return) == 0) {
        shared_lock_acquire(&lock); /* it would wait for itself */
        fail();
    }
    if (setjmp(panic_return) == 0) {
        shared_lock_share(&other, SHARE_FIRST); /* the second has a rank of its own */
        fail();
    }
    panic_expected = false;
    shared_lock_unshare(&lock, SHARE_FIRST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(owners_are_alone_and_sharers_meet, set_up),
        cmocka_unit_test_setup(owners_do_not_starve_a_sharer, set_up),
        cmocka_unit_test_setup(sharing_alone_takes_no_ticket, set_up),
        cmocka_unit_test_setup(ranks_are_checked, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
