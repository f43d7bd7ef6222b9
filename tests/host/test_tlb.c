/* SPDX-License-Identifier: MIT */
/*
 * mm/tlb.c and arch/pcid.h: cores are threads that translate through an array of entries, keep what they found in a
 * TLB of their own, and switch spaces; some change entries and shoot down. After tlb_flush() no TLB
 * may hold what was there before, or what it holds must not be used again. As in hardware a TLB knows PCIDs, not spaces.
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
#include "arch/pcid.h"
#include "base/assert.h"
#include "gen/trace_emit.h"
#include "mm/tlb_impl.h"

#define CORES  4u
#define SPACES 12u /* more than PCID_SLOTS */
#define FEW    3u  /* of them: cores often meet in one */
#define PAGES  40u /* more than TLB_PAGES_MAX, so both kinds of flush occur */

struct cpu cpus[CPU_MAX];
static atomic_uint running = CORES;

/* Entry = generation of the page, times SPACES, plus its space. A TLB entry holds what the core saw, 0: nothing. */
static atomic_ulong entries[SPACES][PAGES];
static atomic_ulong gone[SPACES][PAGES]; /* what is this old may be in no TLB where it is used */
static unsigned long tlbs[CORES][PCID_SLOTS + 1][PAGES];
static unsigned pcids[CORES]; /* in CR3 */
static unsigned spaces;       /* in use */
static pthread_mutex_t space_lock[SPACES];
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

/* INVLPG and CR3 loads: of the PCID in CR3, and of global pages under all of them. */
void tlb_flush_own(paddr_t root, vaddr_t va, uint64_t bytes)
{
    for (unsigned pcid = 0; pcid <= PCID_SLOTS; pcid++) {
        if (root != 0 && pcid != pcids[cpu_id()]) {
            continue;
        }
        for (unsigned page = 0; page < PAGES; page++) {
            bool inside = page * PAGE_BYTES >= va && page * PAGE_BYTES < va + bytes;
            if (bytes > TLB_PAGES_MAX * PAGE_BYTES || inside) {
                tlbs[cpu_id()][pcid][page] = 0;
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

/* A core is back in a space, perhaps with what it kept: nothing of that may be older than what had gone when it came. */
static void check_kept(unsigned space, const unsigned long *gone_before)
{
    const unsigned long *kept = tlbs[cpu_id()][pcids[cpu_id()]];
    for (unsigned page = 0; page < PAGES; page++) {
        stale +=
            kept[page] != 0 && (kept[page] % SPACES != space || kept[page] <= gone_before[page]);
    }
}

/* As tlb_use_root() does it: say so, then load CR3, which empties the TLB or goes on with what is kept under a PCID. */
static void switch_space(unsigned space)
{
    unsigned cpu = cpu_id();
    unsigned long gone_before[PAGES];
    for (unsigned page = 0; page < PAGES; page++) {
        gone_before[page] = atomic_load(&gone[space][page]);
    }
    atomic_store_explicit(&cpus[cpu].active_root, TLB_ROOT_CHANGING, memory_order_relaxed);
    uint64_t cr3 = pcid_in_use ? pcid_enter(&pcid_cores[cpu], root_of(space)) : root_of(space);
    assert_int_equal(cr3 & PTE_ADDRESS, root_of(space));
    pcids[cpu] = cr3 & PCID_MASK;
    if ((cr3 & PCID_KEEP) == 0) {
        memset(tlbs[cpu][pcids[cpu]], 0, sizeof(tlbs[0][0]));
    }
    atomic_thread_fence(memory_order_seq_cst);
    atomic_store_explicit(&cpus[cpu].active_root, root_of(space), memory_order_relaxed);
    check_kept(space, gone_before);
}

/* An access: what the TLB says if it says anything, else the entry, which goes into the TLB.
 * Without a poll in between. */
static void touch(unsigned space, unsigned page)
{
    unsigned long *slot = &tlbs[cpu_id()][pcids[cpu_id()]][page];
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
        old[i] =
            atomic_fetch_add_explicit(&entries[space][first + i], SPACES, memory_order_relaxed);
    }
    tlb_flush(root_of(space), first * PAGE_BYTES, count * PAGE_BYTES);
    for (unsigned cpu = 0; cpu < CORES; cpu++) {
        bool has_space = atomic_load(&cpus[cpu].active_root) == root_of(space);
        unsigned pcid = *(volatile unsigned *)&pcids[cpu];
        for (unsigned i = 0; has_space && i < count; i++) {
            unsigned long seen = *(volatile unsigned long *)&tlbs[cpu][pcid][first + i];
            stale += seen != 0 && seen % SPACES == space && seen <= old[i];
        }
    }
    for (unsigned i = 0; i < count; i++) {
        atomic_store(&gone[space][first + i], old[i]);
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
            space = (unsigned)rand_r(&seed) % spaces;
            switch_space(space);
        } else if (choice < 4) {
            unsigned first = (unsigned)rand_r(&seed) % PAGES;
            change((unsigned)rand_r(&seed) % spaces, first,
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

static void begin(unsigned space_count, bool with_pcids)
{
    spaces = space_count;
    pcid_in_use = with_pcids;
    memset(pcid_cores, 0, sizeof(pcid_cores));
    memset(pcids, 0, sizeof(pcids));
    atomic_store(&stale, 0);
    atomic_store(&running, CORES);
    for (unsigned i = 0; i < CORES; i++) {
        memset(&cpus[i], 0, sizeof(cpus[i]));
        cpus[i].self = &cpus[i];
        cpus[i].id = i;
    }
    for (unsigned space = 0; space < SPACES; space++) {
        pthread_mutex_init(&space_lock[space], NULL);
        for (unsigned page = 0; page < PAGES; page++) {
            atomic_store(&entries[space][page], SPACES + space);
            atomic_store(&gone[space][page], 0);
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
    begin(FEW, false);
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
    begin(FEW, false);
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

static uint64_t run_cores(void)
{
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
    return asked;
}

static void test_cores_shoot_at_each_other(void **state)
{
    (void)state;
    begin(FEW, false);
    assert_true(run_cores() > 300); /* it did happen */
}

/* Roots that a core finds as it left them, and others; with more spaces than PCIDs most have been given away meanwhile. */
static void test_what_a_core_kept_under_a_pcid_is_still_true(void **state)
{
    (void)state;
    for (unsigned space_count = FEW; space_count <= SPACES; space_count += SPACES - FEW) {
        begin(space_count, true);
        uint64_t asked = run_cores(), kept = 0, dropped = 0;
        for (unsigned i = 0; i < CORES; i++) {
            kept += pcid_cores[i].kept;
            dropped += pcid_cores[i].dropped;
        }
        assert_true(asked > (space_count == FEW ? 300 : 30));
        assert_true(kept > (space_count == FEW ? 20 : 2));
        assert_true(dropped > 100);
    }
}

static void test_a_pcid_is_kept_until_its_root_changes(void **state)
{
    (void)state;
    struct pcid_core core = {0};
    uint64_t first = pcid_enter(&core, root_of(0));
    assert_int_equal(first, root_of(0) | 1);
    assert_int_equal(pcid_enter(&core, root_of(1)), root_of(1) | 2);
    assert_int_equal(pcid_enter(&core, root_of(0)), first | PCID_KEEP);
    pcid_count_change(root_of(0));
    assert_int_equal(pcid_enter(&core, root_of(1)), root_of(1) | 2 | PCID_KEEP);
    assert_int_equal(pcid_enter(&core, root_of(0)), first);
    pcid_count_change(0); /* Q3 */
    assert_int_equal(pcid_enter(&core, root_of(1)), root_of(1) | 2);
    assert_int_equal(pcid_enter(&core, root_of(0)), first);
    for (unsigned i = 2; i <= PCID_SLOTS; i++) { /* the last one takes PCID 1: Q2 */
        assert_int_equal(pcid_enter(&core, root_of(i)), root_of(i) | (i % PCID_SLOTS + 1));
    }
    assert_int_equal(pcid_enter(&core, root_of(0)), root_of(0) | 2);
    assert_int_equal(core.kept, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_cores_concerned_are_asked),
        cmocka_unit_test(test_kernel_addresses_and_changing_roots_ask_everybody),
        cmocka_unit_test(test_cores_shoot_at_each_other),
        cmocka_unit_test(test_what_a_core_kept_under_a_pcid_is_still_true),
        cmocka_unit_test(test_a_pcid_is_kept_until_its_root_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
