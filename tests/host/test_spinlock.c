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
#include "sync/lock_order.h"

#define CORES    4u
#define ROUNDS   20000u
#define MEETINGS 20000u

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
    const struct lock_held *other = NULL;
    int a = 0, b = 0, c = 0;
    assert_int_equal(lock_check_acquire(&check, &a, 3, 0xa, &other), LOCK_FINE);
    assert_int_equal(lock_check_acquire(&check, &b, 5, 0xb, &other), LOCK_FINE);
    assert_int_equal(lock_check_acquire(&check, &c, 5, 0, &other),
                     LOCK_BAD_ORDER); /* equal ranks have no order */
    assert_ptr_equal(other->lock, &b);
    assert_int_equal(other->site, 0xb);
    assert_int_equal(lock_check_acquire(&check, &c, 2, 0, &other), LOCK_BAD_ORDER);
    assert_ptr_equal(other->lock, &a);
    assert_int_equal(check.count, 2); /* a refused lock does not count as held */
}

static void a_lock_taken_twice_is_named_so(void **state)
{
    (void)state;
    struct lock_check check = {0};
    const struct lock_held *other;
    int a = 0;
    assert_int_equal(lock_check_acquire(&check, &a, 3, 0xa, &other), LOCK_FINE);
    assert_int_equal(lock_check_acquire(&check, &a, 3, 0, &other), LOCK_TWICE);
    assert_ptr_equal(other->lock, &a);
    assert_int_equal(other->site, 0xa);
}

static void locks_may_be_released_in_any_order(void **state)
{
    (void)state;
    struct lock_check check = {0};
    const struct lock_held *other;
    int a = 0, b = 0, c = 0;
    assert_int_equal(lock_check_acquire(&check, &a, 1, 0, &other), LOCK_FINE);
    assert_int_equal(lock_check_acquire(&check, &b, 2, 0, &other), LOCK_FINE);
    assert_int_equal(lock_check_acquire(&check, &c, 3, 0, &other), LOCK_FINE);
    assert_int_equal(lock_check_release(&check, &a), LOCK_FINE);
    assert_int_equal(lock_check_release(&check, &a), LOCK_NOT_HELD);
    assert_int_equal(lock_check_acquire(&check, &a, 1, 0, &other), LOCK_BAD_ORDER);
    assert_int_equal(lock_check_release(&check, &c), LOCK_FINE);
    assert_int_equal(lock_check_acquire(&check, &c, 3, 0, &other), LOCK_FINE);
    assert_int_equal(lock_check_release(&check, &b), LOCK_FINE);
    assert_int_equal(lock_check_release(&check, &c), LOCK_FINE);
    assert_int_equal(check.count, 0);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    struct lock_check check = {0};
    const struct lock_held *other;
    char locks[LOCK_CHECK_DEPTH + 1] = {0};
    for (uint16_t i = 0; i < LOCK_CHECK_DEPTH; i++) {
        assert_int_equal(lock_check_acquire(&check, &locks[i], (uint16_t)(i + 1), 0, &other),
                         LOCK_FINE);
    }
    assert_int_equal(lock_check_acquire(&check, &locks[LOCK_CHECK_DEPTH], 100, 0, &other),
                     LOCK_TOO_MANY);
}

/* --- the order in which locks were taken --- */

static struct spinlock handles = SPINLOCK_INIT("handles", LOCK_RANK_HANDLES);
static struct spinlock heap = SPINLOCK_INIT("heap", LOCK_RANK_HEAP);
/* Of one rank, in the order of their addresses. */
static struct spinlock events[2] = {SPINLOCK_INIT("left", LOCK_RANK_WAIT),
                                    SPINLOCK_INIT("right", LOCK_RANK_WAIT)};

static struct lock_order *order_of(unsigned held, unsigned taken, bool against)
{
    return &lock_orders[lock_order_index(held, taken, against)];
}

static unsigned count_orders(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < lock_order_count; i++) {
        count += lock_orders[i].taken_at != 0;
    }
    return count;
}

/* One core takes a lock while it has others; both at once, as the kernel does. */
static void take(struct lock_check *check, const struct spinlock *lock, uint16_t rank,
                 uint64_t site)
{
    const struct lock_held *other;
    lock_order_note(check, lock, site);
    (void)lock_check_acquire(check, lock, rank, site, &other);
}

static void expect_order(const struct lock_order *order, const char *held, uint64_t held_at,
                         const char *taken, uint64_t taken_at)
{
    assert_int_equal(order->taken_at, taken_at);
    assert_int_equal(order->held_at, held_at);
    assert_string_equal(order->held, held);
    assert_string_equal(order->taken, taken);
}

static int forget_orders(void **state)
{
    (void)state;
    memset(lock_orders, 0, sizeof(lock_orders));
    return 0;
}

static void a_pair_is_recorded_where_it_was_first_seen(void **state)
{
    (void)state;
    for (uint64_t turn = 0; turn < 3; turn++) {
        struct lock_check check = {0};
        take(&check, &handles, LOCK_RANK_HANDLES, 0x100 + turn);
        take(&check, &heap, LOCK_RANK_HEAP, 0x200 + turn);
    }
    assert_int_equal(count_orders(), 1);
    expect_order(order_of(LOCK_RANK_HANDLES, LOCK_RANK_HEAP, false), "handles", 0x100, "heap",
                 0x200);
}

static void all_that_are_held_come_before_the_one_taken(void **state)
{
    (void)state;
    struct lock_check check = {0};
    take(&check, &handles, LOCK_RANK_HANDLES, 1);
    take(&check, &events[0], LOCK_RANK_WAIT, 2);
    take(&check, &heap, LOCK_RANK_HEAP, 3);
    assert_int_equal(count_orders(), 3);
    expect_order(order_of(LOCK_RANK_HANDLES, LOCK_RANK_WAIT, false), "handles", 1, "left", 2);
    expect_order(order_of(LOCK_RANK_HANDLES, LOCK_RANK_HEAP, false), "handles", 1, "heap", 3);
    expect_order(order_of(LOCK_RANK_WAIT, LOCK_RANK_HEAP, false), "left", 2, "heap", 3);
}

static void a_pair_that_is_refused_is_recorded(void **state)
{
    (void)state;
    struct lock_check check = {0};
    take(&check, &heap, LOCK_RANK_HEAP, 7);
    take(&check, &handles, LOCK_RANK_HANDLES, 8);
    assert_int_equal(check.count, 1);
    expect_order(order_of(LOCK_RANK_HEAP, LOCK_RANK_HANDLES, false), "heap", 7, "handles", 8);
}

static void two_of_one_rank_are_told_apart_by_address(void **state)
{
    (void)state;
    struct lock_check one = {0}, other = {0};
    take(&one, &events[0], LOCK_RANK_WAIT, 1);
    take(&one, &events[1], LOCK_RANK_WAIT_SECOND, 2);
    take(&other, &events[1], LOCK_RANK_WAIT, 3);
    take(&other, &events[0], LOCK_RANK_WAIT_SECOND, 4);
    assert_int_equal(other.count, 2); /* neither is refused */
    assert_int_equal(count_orders(), 2);
    expect_order(order_of(LOCK_RANK_WAIT, LOCK_RANK_WAIT, false), "left", 1, "right", 2);
    expect_order(order_of(LOCK_RANK_WAIT, LOCK_RANK_WAIT, true), "right", 3, "left", 4);
}

static void one_lock_taken_twice_is_no_pair(void **state)
{
    (void)state;
    struct lock_check check = {0};
    take(&check, &heap, LOCK_RANK_HEAP, 1);
    take(&check, &heap, LOCK_RANK_HEAP, 2);
    assert_int_equal(count_orders(), 0);
}

/* Another core, which is stopped before it has written all. */
static void what_another_core_writes_is_left_to_it(void **state)
{
    (void)state;
    struct lock_order *order = order_of(LOCK_RANK_HANDLES, LOCK_RANK_HEAP, false);
    struct lock_check check = {0};
    order->held_at = 5;
    take(&check, &handles, LOCK_RANK_HANDLES, 1);
    take(&check, &heap, LOCK_RANK_HEAP, 2);
    assert_int_equal(order->held_at, 5);
    assert_int_equal(order->taken_at, 0);
    assert_null(order->held);
}

/* A lock whose memory is broken does not break the record. */
static void ranks_that_are_none_are_passed_over(void **state)
{
    (void)state;
    struct spinlock broken = SPINLOCK_INIT("broken", 0xffff);
    struct lock_check check = {0};
    take(&check, &broken, 0xffff, 1);
    take(&check, &heap, LOCK_RANK_HEAP, 2);
    assert_int_equal(count_orders(), 0);
}

static void places_of_pairs_are_all_different(void **state)
{
    (void)state;
    static bool seen[LOCK_ORDERS];
    for (unsigned held = 1; held < LOCK_RANKS; held++) {
        for (unsigned taken = 1; taken < LOCK_RANKS; taken++) {
            for (unsigned against = 0; against <= (held == taken); against++) {
                unsigned index = lock_order_index(held, taken, against);
                assert_true(index < LOCK_ORDERS && !seen[index]);
                seen[index] = true;
                assert_int_equal(lock_order_opposite(index),
                                 lock_order_index(taken, held, held == taken && !against));
                assert_int_equal(lock_order_opposite(lock_order_opposite(index)), index);
            }
        }
    }
}

/* Two cores come to one new pair at the same time, again and again, each with sites of its own: those of the pair are of one core. */
static atomic_uint meetings;

/* Its word that it is there, and the other's. */
static void meet(unsigned number)
{
    atomic_fetch_add(&meetings, 1);
    for (unsigned i = 1; atomic_load(&meetings) < 2 * number; i++) {
        if (i % 1024 == 0) {
            sched_yield();
        }
    }
}

static void note_pair_of(uint64_t core)
{
    struct lock_check check = {.count = 1,
                               .held = {{&handles, core * 1000 + 1, LOCK_RANK_HANDLES}}};
    lock_order_note(&check, &heap, core * 1000 + 2);
}

static void *note_in_turns(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < MEETINGS; i++) {
        meet(2 * i + 1);
        note_pair_of(2);
        meet(2 * i + 2);
    }
    return NULL;
}

static void cores_that_see_a_pair_at_once_do_not_mix_it(void **state)
{
    (void)state;
    struct lock_order *order = order_of(LOCK_RANK_HANDLES, LOCK_RANK_HEAP, false);
    unsigned mixed = 0;
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, note_in_turns, NULL), 0);
    for (unsigned i = 0; i < MEETINGS; i++) {
        memset(order, 0, sizeof(*order));
        meet(2 * i + 1);
        note_pair_of(1);
        meet(2 * i + 2);
        mixed += order->taken_at != order->held_at + 1;
    }
    pthread_join(other, NULL);
    assert_int_equal(mixed, 0);
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
        cmocka_unit_test_setup(a_pair_is_recorded_where_it_was_first_seen, forget_orders),
        cmocka_unit_test_setup(all_that_are_held_come_before_the_one_taken, forget_orders),
        cmocka_unit_test_setup(a_pair_that_is_refused_is_recorded, forget_orders),
        cmocka_unit_test_setup(two_of_one_rank_are_told_apart_by_address, forget_orders),
        cmocka_unit_test_setup(one_lock_taken_twice_is_no_pair, forget_orders),
        cmocka_unit_test_setup(what_another_core_writes_is_left_to_it, forget_orders),
        cmocka_unit_test_setup(ranks_that_are_none_are_passed_over, forget_orders),
        cmocka_unit_test(places_of_pairs_are_all_different),
        cmocka_unit_test_setup(cores_that_see_a_pair_at_once_do_not_mix_it, forget_orders),
        cmocka_unit_test(a_debug_build_refuses_a_lock_with_interrupts_on),
        cmocka_unit_test(a_debug_build_notices_a_release_without_acquire),
        cmocka_unit_test(nothing_is_checked_in_nmi_class),
    };
    return cmocka_run_group_tests_name("spinlock", tests, NULL, NULL);
}
