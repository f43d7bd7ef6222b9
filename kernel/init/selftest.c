/* SPDX-License-Identifier: MIT */
/* Faults on request. Each is what a real bug would do; nothing here is reachable without the boot option. */
#include "init/selftest.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/serial.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "base/log.h"
#include "base/string.h"
#include "mm/heap.h"
#include "sched/sched.h"
#include "sync/rendezvous.h"
#include "sync/spinlock.h"

#define DELAY_NS     500000000ull
#define ABBA_LOOK_NS 10000000ull
#define NMI_PAUSE_NS 250000000ull /* kdebug passes over one that comes soon after a stop */

static void do_panic(void)
{
    panic("test=panic asked for this");
}

static void do_int3(void)
{
    __asm__ volatile("int3");
    log_info("selftest: went on after int3");
}

static void do_nullderef(void)
{
    uint64_t value;
    __asm__ volatile("movq 0x10, %0" : "=r"(value));
    log_info("selftest: read %llx from address 0x10", (unsigned long long)value);
}

static void do_assert(void)
{
    volatile int two = 2;
    VERIFY(two == 3);
}

/* Says so itself, without the console lock: only now do all cores stand still. */
static void spin_for_ever(void *unused)
{
    (void)unused;
    for (const char *text = "test: spin_cli\r\n"; *text != '\0'; text++) {
        serial_put(*text);
    }
    for (;;) {
        __asm__ volatile("pause" ::: "memory");
    }
}

/* The other cores stay parked in the rendezvous, interrupts off, until this one comes back, which it does not. */
static void do_spin_cli(void)
{
    rendezvous_run(spin_for_ever, NULL);
}

static NOINLINE uint64_t eat_stack(volatile uint64_t *last)
{
    volatile uint64_t frame[64];
    frame[0] = (uint64_t)last;
    return frame[0] == 1 ? 0 : eat_stack(frame) + frame[0];
}

static void do_stack(void)
{
    log_info("selftest: %llu", (unsigned long long)eat_stack(NULL));
}

static void do_free_twice(void)
{
    void *object = heap_alloc(40);
    heap_free(object);
    heap_free(object);
    log_info("selftest: went on after freeing twice");
}

static void do_use_freed(void)
{
    uint64_t *volatile object = heap_alloc(40);
    heap_free(object);
    object[1] = 1;
    log_info("selftest: %p", heap_alloc(40));
}

/* Nobody has asked for them: each core enters kdebug by one. */
static void do_nmi(void)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        sched_wait_idle(clock_now() + NMI_PAUSE_NS);
        ipi_send_nmi(cpu);
    }
}

/*
 * AB-BA: two cores take two locks of one class, each the other one first. The rank check lets that pass: who takes a second lock
 * of a class under a rank of its own promises an order by address, and one of the two breaks it.
 */
static struct spinlock selftest_a = SPINLOCK_INIT("test A", LOCK_RANK_WAIT);
static struct spinlock selftest_b = SPINLOCK_INIT("test B", LOCK_RANK_WAIT);
/* ABBA_HELD is for both: one step more for each lock. */
enum { ABBA_NOT_YET, ABBA_CALLED, ABBA_MET, ABBA_HELD = ABBA_MET + 2 };
static atomic_uint abba_step;

static void wait_for_step(unsigned step)
{
    while (atomic_load_explicit(&abba_step, memory_order_acquire) < step) {
        cpu_relax();
        core_poll();
    }
}

/* The two are functions of their own because their addresses are what is recorded. */
static NOINLINE void take_a_then_b(void)
{
    spinlock_acquire(&selftest_a);
    atomic_fetch_add_explicit(&abba_step, 1, memory_order_release);
    wait_for_step(ABBA_HELD);
    spinlock_acquire_ranked(&selftest_b, LOCK_RANK_WAIT_SECOND);
}

static NOINLINE void take_b_then_a(void)
{
    spinlock_acquire(&selftest_b);
    atomic_fetch_add_explicit(&abba_step, 1, memory_order_release);
    wait_for_step(ABBA_HELD);
    spinlock_acquire_ranked(&selftest_a, LOCK_RANK_WAIT_SECOND);
}

void selftest_meet(void)
{
    while (atomic_load_explicit(&abba_step, memory_order_acquire) == ABBA_NOT_YET) {
        sched_wait_idle(clock_now() + ABBA_LOOK_NS);
    }
    unsigned called = ABBA_CALLED;
    if (atomic_compare_exchange_strong_explicit(&abba_step, &called, ABBA_MET, memory_order_acq_rel,
                                                memory_order_relaxed)) {
        take_b_then_a();
        panic("test=abba: no deadlock");
    }
}

static void do_abba(void)
{
    VERIFY(cpu_count() > 1);
    atomic_store_explicit(&abba_step, ABBA_CALLED, memory_order_release);
    wait_for_step(ABBA_MET);
    take_a_then_b();
    panic("test=abba: no deadlock");
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    {"panic", do_panic},
    {"int3", do_int3},
    {"nullderef", do_nullderef},
    {"assert", do_assert},
    {"spin_cli", do_spin_cli},
    {"stack", do_stack},
    {"free_twice", do_free_twice},
    {"use_freed", do_use_freed},
    {"nmi", do_nmi},
    {"abba", do_abba},
};

void selftest_run(const char *name)
{
    ns_t until = clock_now() + DELAY_NS;
    sched_wait_idle(until);
    for (unsigned i = 0; i < ARRAY_COUNT(tests); i++) {
        if (strcmp(tests[i].name, name) == 0) {
            if (tests[i].run != do_spin_cli) {
                log_info("test: %s", name);
            }
            tests[i].run();
            return;
        }
    }
    log_error("test=%s: no such test; there are panic int3 nullderef assert spin_cli stack "
              "free_twice use_freed nmi abba",
              name);
}
