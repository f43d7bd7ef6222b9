/* SPDX-License-Identifier: MIT */
/*
 * Spin locks with real threads as cores: each thread's GS base points to its struct cpu, so
 * this_cpu() works as in the kernel; and the rank check, which is pure.
 */
#include "sync/spinlock.h"

#include <asm/prctl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "gen/trace_emit.h"
#include "sync/lock_check.h"

#define CORES  4u
#define ROUNDS 20000u

struct cpu cpus[CPU_MAX];
static bool in_nmi_class;
static atomic_ulong polls;
static jmp_buf panic_exit;
static char panic_text[256];

void core_poll_slow(void)
{
    atomic_fetch_add(&polls, 1);
    sched_yield(); /* tickets are served in order: the next in line may not be running */
}

bool cpu_in_nmi_class(void)
{
    return in_nmi_class;
}

void panic(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(panic_text, sizeof(panic_text), format, args);
    va_end(args);
    longjmp(panic_exit, 1);
}

/* Waits are in the trace, with the name of the lock. */
struct trace_lane trace_hook_lanes[2];
static atomic_ulong waits_begun, waits_ended;

void trace_emit_lock_wait_begin(struct trace_lane *lane, uint64_t lock, const char *lock_name,
                                size_t lock_name_bytes)
{
    (void)lane;
    const struct spinlock *waited_for = (const struct spinlock *)lock;
    assert_int_equal(strlen(waited_for->name), lock_name_bytes);
    assert_memory_equal(lock_name, waited_for->name, lock_name_bytes);
    atomic_fetch_add(&waits_begun, 1);
}

void trace_write_0(struct trace_lane *lane, uint64_t header)
{
    (void)lane;
    assert_int_equal(TRACE_EVENT(header), TRACE_EVENT_LOCK_WAIT_END);
    atomic_fetch_add(&waits_ended, 1);
}

static void become_core(unsigned id)
{
    cpus[id].self = &cpus[id];
    cpus[id].id = id;
    atomic_store(
        &cpus[id].poll,
        CPU_POLL_SHOOTDOWN); /* always something to serve: every turn of a wait is counted */
    assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, &cpus[id]), 0);
}

/* --- mutual exclusion --- */

static struct spinlock shared = SPINLOCK_INIT("shared", LOCK_RANK_MAILBOX);
static unsigned long counter; /* plain: only the lock protects it */
static unsigned inside;

/*
 * As spinlock_acquire() of a release build: a host thread cannot shut interrupts, which the debug
 * build checks.
 */
static void acquire_unchecked(struct spinlock *lock)
{
    unsigned ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
    if (atomic_load_explicit(&lock->serving, memory_order_acquire) != ticket) {
        spinlock_wait(lock, ticket);
    }
    lock->acquired++;
}

static void release_unchecked(struct spinlock *lock)
{
    unsigned ticket = atomic_load_explicit(&lock->serving, memory_order_relaxed);
    atomic_store_explicit(&lock->serving, ticket + 1, memory_order_release);
}

static void *run_core(void *argument)
{
    become_core((unsigned)(uintptr_t)argument);
    for (unsigned i = 0; i < ROUNDS; i++) {
        acquire_unchecked(&shared);
        if (++inside != 1) {
            abort();
        }
        counter++;
        if (i % 64 == 0) {
            sched_yield(); /* with the lock held: so that others do queue up, even on one processor */
        }
        inside--;
        release_unchecked(&shared);
    }
    return NULL;
}

static void cores_exclude_each_other_and_waiters_poll(void **state)
{
    (void)state;
    pthread_t threads[CORES];
    for (uintptr_t i = 0; i < CORES; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_core, (void *)i), 0);
    }
    for (unsigned i = 0; i < CORES; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(counter, CORES * ROUNDS);
    assert_int_equal(shared.acquired, CORES * ROUNDS);
    assert_true(shared.contended > 0);
    assert_int_equal(atomic_load(&waits_begun), shared.contended);
    assert_int_equal(atomic_load(&waits_ended), shared.contended);
    assert_true(atomic_load(&polls) > 0);
    assert_false(spinlock_is_held(&shared));
}

static void tickets_survive_wrapping(void **state)
{
    (void)state;
    struct spinlock lock;
    spinlock_init(&lock, "wrap", LOCK_RANK_HEAP);
    atomic_store(&lock.next, ~0u);
    atomic_store(&lock.serving, ~0u);
    acquire_unchecked(&lock);
    assert_true(spinlock_is_held(&lock));
    release_unchecked(&lock);
    assert_false(spinlock_is_held(&lock));
    assert_int_equal(lock.contended, 0);
    assert_int_equal(lock.rank, LOCK_RANK_HEAP);
}

/* --- rank check --- */

static void ranks_must_rise(void **state)
{
    (void)state;
    struct lock_check check = {0};
    const void *other = NULL;
    int a = 0, b = 0, c = 0;
    assert_int_equal(lock_check_acquire(&check, &a, 3, &other), LOCK_FINE);
    assert_int_equal(lock_check_acquire(&check, &b, 5, &other), LOCK_FINE);
    assert_int_equal(lock_check_acquire(&check, &c, 5, &other),
                     LOCK_BAD_ORDER); /* equal ranks have no order */
    assert_ptr_equal(other, &b);
    assert_int_equal(lock_check_acquire(&check, &c, 2, &other), LOCK_BAD_ORDER);
    assert_ptr_equal(other, &a);
    assert_int_equal(check.count, 2); /* a refused lock does not count as held */
}

static void a_lock_taken_twice_is_named_so(void **state)
{
    (void)state;
    struct lock_check check = {0};
    const void *other;
    int a = 0;
    assert_int_equal(lock_check_acquire(&check, &a, 3, &other), LOCK_FINE);
    assert_int_equal(lock_check_acquire(&check, &a, 3, &other), LOCK_TWICE);
}

static void locks_may_be_released_in_any_order(void **state)
{
    (void)state;
    struct lock_check check = {0};
    const void *other;
    int a = 0, b = 0, c = 0;
    assert_int_equal(lock_check_acquire(&check, &a, 1, &other), LOCK_FINE);
    assert_int_equal(lock_check_acquire(&check, &b, 2, &other), LOCK_FINE);
    assert_int_equal(lock_check_acquire(&check, &c, 3, &other), LOCK_FINE);
    assert_int_equal(lock_check_release(&check, &a), LOCK_FINE);
    assert_int_equal(lock_check_release(&check, &a), LOCK_NOT_HELD);
    assert_int_equal(lock_check_acquire(&check, &a, 1, &other), LOCK_BAD_ORDER);
    assert_int_equal(lock_check_release(&check, &c), LOCK_FINE);
    assert_int_equal(lock_check_acquire(&check, &c, 3, &other), LOCK_FINE);
    assert_int_equal(lock_check_release(&check, &b), LOCK_FINE);
    assert_int_equal(lock_check_release(&check, &c), LOCK_FINE);
    assert_int_equal(check.count, 0);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    struct lock_check check = {0};
    const void *other;
    char locks[LOCK_CHECK_DEPTH + 1] = {0};
    for (uint16_t i = 0; i < LOCK_CHECK_DEPTH; i++) {
        assert_int_equal(lock_check_acquire(&check, &locks[i], (uint16_t)(i + 1), &other),
                         LOCK_FINE);
    }
    assert_int_equal(lock_check_acquire(&check, &locks[LOCK_CHECK_DEPTH], 100, &other),
                     LOCK_TOO_MANY);
}

/* --- what the checks of a debug build say --- */

static void expect_panic(const char *what)
{
    if (!strstr(panic_text, what)) {
        fail_msg("panic said '%s', not '%s'", panic_text, what);
    }
}

static void a_debug_build_refuses_a_lock_with_interrupts_on(void **state)
{
    (void)state;
    become_core(0);
    struct spinlock lock = SPINLOCK_INIT("console", LOCK_RANK_CONSOLE);
    panic_text[0] = '\0';
    if (setjmp(panic_exit) == 0) {
        spinlock_check_acquire(&lock); /* a host thread has IF = 1 */
    }
    expect_panic("console taken with interrupts on");
}

static void a_debug_build_notices_a_release_without_acquire(void **state)
{
    (void)state;
    become_core(0);
    struct spinlock lock = SPINLOCK_INIT("heap", LOCK_RANK_HEAP);
    panic_text[0] = '\0';
    if (setjmp(panic_exit) == 0) {
        spinlock_check_release(&lock);
    }
    expect_panic("heap released by a core that does not hold it");
}

static void nothing_is_checked_in_nmi_class(void **state)
{
    (void)state;
    become_core(0);
    struct spinlock lock = SPINLOCK_INIT("heap", LOCK_RANK_HEAP);
    in_nmi_class = true;
    if (setjmp(panic_exit) == 0) {
        spinlock_check_acquire(&lock);
        spinlock_check_release(&lock);
    } else {
        fail_msg("panic: %s", panic_text);
    }
    in_nmi_class = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cores_exclude_each_other_and_waiters_poll),
        cmocka_unit_test(tickets_survive_wrapping),
        cmocka_unit_test(ranks_must_rise),
        cmocka_unit_test(a_lock_taken_twice_is_named_so),
        cmocka_unit_test(locks_may_be_released_in_any_order),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_debug_build_refuses_a_lock_with_interrupts_on),
        cmocka_unit_test(a_debug_build_notices_a_release_without_acquire),
        cmocka_unit_test(nothing_is_checked_in_nmi_class),
    };
    return cmocka_run_group_tests_name("spinlock", tests, NULL, NULL);
}
