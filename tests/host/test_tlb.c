/* SPDX-License-Identifier: MIT */
/*
 * mm/tlb.c: cores are threads that translate through an array of entries, keep what they found in a
 * TLB of their own, and switch spaces; some change entries and shoot down. After tlb_flush() no TLB
 * may hold what was there before.
 */
#include "mm/tlb.h"

#include <asm/prctl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "base/assert.h"
#include "gen/trace_emit.h"
#include "mm/tlb_impl.h"

#define CORES  4u
#define SPACES 3u
#define PAGES  40u /* more than TLB_PAGES_MAX, so both kinds of flush occur */

struct cpu cpus[CPU_MAX];
static atomic_uint running = CORES;

/* Entry = generation of the page. A TLB entry holds the generation that the core saw, 0:
 * nothing. */
static atomic_ulong entries[SPACES][PAGES];
static unsigned long tlbs[CORES][SPACES][PAGES];
static pthread_mutex_t space_lock[SPACES] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
                                             PTHREAD_MUTEX_INITIALIZER};
static atomic_ulong ipis, traced, stale;

static paddr_t root_of(unsigned space)
{
    return (space + 1) * 0x1000ull;
}

unsigned cpu_count(void)
{
    return CORES;
}

void ipi_send(unsigned cpu, unsigned vector)
{
    assert_int_equal(vector, VECTOR_POLL);
    assert_true(cpu < CORES && cpu != cpu_id());
    atomic_fetch_add(&ipis, 1);
}

void trace_write_0(struct trace_lane *lane, uint64_t header)
{
    (void)lane;
    unsigned target = TRACE_SMALL(header) >> 3;
    if (TRACE_EVENT(header) == TRACE_EVENT_MM_SHOOTDOWN_END) {
        return;
    }
    assert_int_equal(TRACE_EVENT(header), TRACE_EVENT_IRQ_IPI);
    assert_int_equal(TRACE_SMALL(header) & 7, TRACE_IPI_KIND_SHOOTDOWN);
    assert_true(target < CORES && target != cpu_id());
    atomic_fetch_add(&traced, 1);
}

void trace_write_3(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2,
                   uint64_t word3)
{
    uint32_t targets = (uint32_t)word1;
    (void)lane;
    (void)word2;
    (void)word3;
    assert_int_equal(TRACE_EVENT(header), TRACE_EVENT_MM_SHOOTDOWN_BEGIN);
    assert_true(targets != 0 && (targets & 1u << cpu_id()) == 0);
}

void core_poll_slow(void)
{
    tlb_serve();
}

void tlb_flush_own(paddr_t root, vaddr_t va, uint64_t bytes)
{
    unsigned long(*tlb)[PAGES] = tlbs[cpu_id()];
    for (unsigned space = 0; space < SPACES; space++) {
        for (unsigned page = 0; page < PAGES; page++) {
            bool inside = page * PAGE_BYTES >= va && page * PAGE_BYTES < va + bytes;
            if (bytes > TLB_PAGES_MAX * PAGE_BYTES ||
                (inside && (root == 0 || root == root_of(space)))) {
                tlb[space][page] = 0;
            }
        }
    }
}

static void set_core(unsigned cpu)
{
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &cpus[cpu]) != 0) {
        abort();
    }
}

/* As the thread switch does it: say so, then load CR3, which empties the TLB. */
static void switch_space(unsigned space)
{
    atomic_store(&cpus[cpu_id()].active_root, root_of(space));
    memset(tlbs[cpu_id()], 0, sizeof(tlbs[0]));
    atomic_thread_fence(memory_order_seq_cst);
}

/* An access: what the TLB says if it says anything, else the entry, which goes into the TLB.
 * Without a poll in between. */
static void touch(unsigned space, unsigned page)
{
    unsigned long *slot = &tlbs[cpu_id()][space][page];
    if (*slot == 0) {
        *slot = atomic_load(&entries[space][page]);
    }
}

static void change(unsigned space, unsigned first, unsigned count)
{
    while (pthread_mutex_trylock(&space_lock[space]) != 0) { /* a spin lock that polls */
        core_poll();
        sched_yield();
    }
    unsigned long old[PAGES];
    for (unsigned i = 0; i < count; i++) {
        old[i] = atomic_fetch_add_explicit(&entries[space][first + i], 1, memory_order_relaxed);
    }
    tlb_flush(root_of(space), first * PAGE_BYTES, count * PAGE_BYTES);
    for (unsigned cpu = 0; cpu < CORES; cpu++) {
        bool has_space = atomic_load(&cpus[cpu].active_root) == root_of(space);
        for (unsigned i = 0; has_space && i < count; i++) {
            unsigned long seen = *(volatile unsigned long *)&tlbs[cpu][space][first + i];
            stale += seen != 0 && seen <= old[i];
        }
    }
    pthread_mutex_unlock(&space_lock[space]);
}

static void *run_core(void *argument)
{
    unsigned cpu = (unsigned)(uintptr_t)argument, space = 0, seed = cpu + 1;
    set_core(cpu);
    switch_space(0);
    for (unsigned step = 0; step < 6000; step++) {
        unsigned choice = (unsigned)rand_r(&seed) % 64;
        if (choice == 0) {
            space = (unsigned)rand_r(&seed) % SPACES;
            switch_space(space);
        } else if (choice < 4) {
            unsigned first = (unsigned)rand_r(&seed) % PAGES;
            change((unsigned)rand_r(&seed) % SPACES, first,
                   1 + (unsigned)rand_r(&seed) % (PAGES - first));
        } else {
            touch(space, (unsigned)rand_r(&seed) % PAGES);
        }
        core_poll(); /* where the interrupt would come */
    }
    atomic_fetch_sub(&running, 1);
    while (atomic_load(&running) > 0) { /* others may still ask */
        core_poll();
        sched_yield();
    }
    return NULL;
}

static void begin(void)
{
    for (unsigned i = 0; i < CORES; i++) {
        memset(&cpus[i], 0, sizeof(cpus[i]));
        cpus[i].self = &cpus[i];
        cpus[i].id = i;
    }
    for (unsigned space = 0; space < SPACES; space++) {
        for (unsigned page = 0; page < PAGES; page++) {
            atomic_store(&entries[space][page], 1);
        }
    }
    memset(tlbs, 0, sizeof(tlbs));
    memset(tlb_cores, 0, sizeof(tlb_cores));
    atomic_store(&ipis, 0);
    atomic_store(&traced, 0);
    set_core(0);
}

static void test_only_cores_concerned_are_asked(void **state)
{
    (void)state;
    begin();
    atomic_store(&cpus[0].active_root, root_of(0));
    atomic_store(&cpus[1].active_root, root_of(1));
    tlbs[0][0][3] = tlbs[0][0][4] = 7;
    tlb_flush(root_of(0), 3 * PAGE_BYTES,
              PAGE_BYTES); /* nobody else has it: returns without an answer */
    assert_int_equal(atomic_load(&ipis), 0);
    assert_int_equal(tlbs[0][0][3], 0);
    assert_int_equal(tlbs[0][0][4], 7);
    assert_int_equal(tlb_cores[0].flushes, 1);
    assert_int_equal(tlb_cores[0].shootdowns, 0);
    tlb_flush(root_of(2), 0, PAGE_BYTES); /* not even this core */
    assert_int_equal(tlbs[0][0][4], 7);
}

/* The other cores answer when the initiator polls: one thread plays all. */
static unsigned asked_mask;

static void *answer_for_others(void *argument)
{
    (void)argument;
    unsigned expected = 0;
    set_core(1);
    while (asked_mask == 0) {
        sched_yield();
    }
    for (unsigned cpu = 1; cpu < CORES; cpu++) {
        set_core(cpu);
        while ((asked_mask >> cpu & 1) && atomic_load(&cpus[cpu].poll) == 0) {
            sched_yield();
        }
        expected |= (atomic_load(&cpus[cpu].poll) != 0) << cpu;
        core_poll();
    }
    return (void *)(uintptr_t)expected;
}

static void check_asked(paddr_t root, unsigned mask)
{
    pthread_t thread;
    asked_mask = mask;
    assert_int_equal(pthread_create(&thread, NULL, answer_for_others, NULL), 0);
    tlb_flush(root, 0, PAGE_BYTES);
    void *asked;
    pthread_join(thread, &asked);
    assert_int_equal((unsigned)(uintptr_t)asked, mask);
}

static void test_kernel_addresses_and_changing_roots_ask_everybody(void **state)
{
    (void)state;
    begin();
    atomic_store(&cpus[1].active_root, root_of(1));
    atomic_store(&cpus[2].active_root, TLB_ROOT_CHANGING);
    atomic_store(&cpus[3].active_root, root_of(0));
    check_asked(0, 0xe);
    check_asked(root_of(1), 0x6);
    check_asked(root_of(0), 0xc);
    assert_int_equal(tlb_cores[0].shootdowns, 3);
    assert_int_equal(tlb_cores[0].asked, 7);
    assert_int_equal(tlb_cores[2].served, 3);
}

static void test_cores_shoot_at_each_other(void **state)
{
    (void)state;
    begin();
    pthread_t threads[CORES];
    for (unsigned i = 0; i < CORES; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_core, (void *)(uintptr_t)i), 0);
    }
    uint64_t asked = 0, served = 0;
    for (unsigned i = 0; i < CORES; i++) {
        pthread_join(threads[i], NULL);
    }
    for (unsigned i = 0; i < CORES; i++) {
        asked += tlb_cores[i].asked;
        served += tlb_cores[i].served;
        assert_int_equal(atomic_load(&tlb_cores[i].waiting), 0);
        assert_int_equal(atomic_load(&tlb_cores[i].pending), 0);
    }
    assert_int_equal(atomic_load(&stale), 0);
    assert_int_equal(asked, served);
    assert_int_equal(asked, atomic_load(&ipis));
    assert_int_equal(asked, atomic_load(&traced));
    assert_true(asked > 300); /* it did happen */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_cores_concerned_are_asked),
        cmocka_unit_test(test_kernel_addresses_and_changing_roots_ask_everybody),
        cmocka_unit_test(test_cores_shoot_at_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
