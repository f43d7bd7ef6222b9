/* SPDX-License-Identifier: MIT */
/* vm/space.c, fault.c, space_copy.c, case by case: arguments, protection, sharing, cutting,
 * large pages, no memory, copies, cores. */
#include "vm/space.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "abi/memory.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "mm/heap_impl.h"
#include "tests/host/vm_support.h"

#define MIB  0x100000ull
#define PAGE ((uint64_t)PAGE_BYTES)
#define HERE 0x400000ull
#define RW   (PROT_READ | PROT_WRITE)

static struct space *space;
static uint64_t free_before;
static struct frame_counts empty_space;

static int begin(void **state)
{
    (void)state;
    machine_start_plain(64 * MIB);
    area_init();
    space_init();
    tlb_model_reset();
    free_before = frames_not_used();
    assert_int_equal(space_create(&space), OK);
    empty_space = counts_now();
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_holds(frame_check);
    assert_holds(heap_check);
    tlb_model_check();
    space_destroy(space);
    heap_trim();
    assert_int_equal(frames_not_used(), free_before); /* exactly what there was in the beginning */
    assert_holds(frame_check);
    return 0;
}

static void check_space(void)
{
    char why[100];
    if (!space_check(space, why, sizeof(why))) {
        fail_msg("%s", why);
    }
}

static struct area *anonymous(uint64_t pages)
{
    struct area *area;
    assert_int_equal(area_create_anonymous(pages * PAGE, 0, &area), OK);
    return area;
}

static struct area *physical(paddr_t base, uint64_t bytes, bool writable, bool device)
{
    struct area *area;
    assert_int_equal(area_create_physical(base, bytes, writable,
                                          device ? AREA_CACHE_UNCACHED : AREA_CACHE_WRITE_BACK,
                                          &area),
                     OK);
    return area;
}

static void put(struct area *area)
{
    object_put(&area->object);
}

static vaddr_t map(struct space *in, struct area *area, uint64_t offset, uint64_t bytes, vaddr_t va,
                   unsigned protection)
{
    vaddr_t got = 0;
    assert_int_equal(map_view(in, area, offset, bytes, va, protection, &got), OK);
    if (va != 0) {
        assert_int_equal(got, va);
    }
    return got;
}

static int outcome_of(vaddr_t va, enum access access)
{
    int outcome;
    void *p = cpu_access(space, va, access, &outcome);
    assert_int_equal(p == NULL, outcome == FAULT_FAILED || outcome == FAULT_GUARD);
    return outcome;
}

static uint64_t load(struct space *in, vaddr_t va)
{
    int outcome;
    uint64_t *p = cpu_access(in, va, ACCESS_READ, &outcome);
    assert_non_null(p);
    return *p;
}

static void store(struct space *in, vaddr_t va, uint64_t value)
{
    int outcome;
    uint64_t *p = cpu_access(in, va, ACCESS_WRITE, &outcome);
    assert_non_null(p);
    *p = value;
}

/* ---- map ---- */

struct map_case {
    const char *name;
    uint64_t offset, bytes;
    vaddr_t va;
    unsigned protection;
    status_t status;
};

/* The area has 16 pages; [HERE, HERE + 4 pages) is mapped. */
static const struct map_case map_cases[] = {
    {"whole", 0, 16 * PAGE_BYTES, 0x10000000, RW, OK},
    {"last page", 15 * PAGE_BYTES, PAGE_BYTES, 0x20000000, RW, OK},
    {"one page too many", 0, 17 * PAGE_BYTES, 0, RW, ERR_RANGE},
    {"offset at the end", 16 * PAGE_BYTES, PAGE_BYTES, 0, RW, ERR_RANGE},
    {"offset past the end", 17 * PAGE_BYTES, PAGE_BYTES, 0, RW, ERR_RANGE},
    {"offset plus length wraps", ~0ull - PAGE_BYTES + 1, 2 * PAGE_BYTES, 0, RW, ERR_RANGE},
    {"nothing", 0, 0, 0, RW, ERR_RANGE},
    {"odd length", 0, PAGE_BYTES + 1, 0, RW, ERR_RANGE},
    {"odd offset", 8, PAGE_BYTES, 0, RW, ERR_RANGE},
    {"odd address", 0, PAGE_BYTES, 0x10000800, RW, ERR_RANGE},
    {"lowest address", 0, PAGE_BYTES, USER_BASE, RW, OK},
    {"page of the null pointer", 0, PAGE_BYTES, 8, RW, ERR_RANGE},
    {"last page of user space", 0, PAGE_BYTES, USER_END - PAGE_BYTES, RW, OK},
    {"across the end of user space", 0, 2 * PAGE_BYTES, USER_END - PAGE_BYTES, RW, ERR_RANGE},
    {"past the end", 0, PAGE_BYTES, USER_END, RW, ERR_RANGE},
    {"kernel address", 0, PAGE_BYTES, 0xffff800000000000ull, RW, ERR_RANGE},
    {"address plus length wraps", 0, 2 * PAGE_BYTES, ~0ull - PAGE_BYTES + 1, RW, ERR_RANGE},
    {"on top of another", 0, PAGE_BYTES, HERE + PAGE_BYTES, RW, ERR_BUSY},
    {"over the start of another", 0, 2 * PAGE_BYTES, HERE - PAGE_BYTES, RW, ERR_BUSY},
    {"over the end of another", 0, 2 * PAGE_BYTES, HERE + 3 * PAGE_BYTES, RW, ERR_BUSY},
    {"around another", 0, 6 * PAGE_BYTES, HERE - PAGE_BYTES, RW, ERR_BUSY},
    {"touching from below", 0, PAGE_BYTES, HERE - PAGE_BYTES, RW, OK},
    {"touching from above", 0, PAGE_BYTES, HERE + 4 * PAGE_BYTES, RW, OK},
    {"no access", 0, PAGE_BYTES, 0, 0, ERR_BAD_ARGUMENT},
    {"unknown bit", 0, PAGE_BYTES, 0, PROT_READ | 32, ERR_BAD_ARGUMENT},
    {"write and exec", 0, PAGE_BYTES, 0, RW | PROT_EXEC, ERR_BAD_ARGUMENT},
    {"write and exec without read", 0, PAGE_BYTES, 0, PROT_WRITE | PROT_EXEC, ERR_BAD_ARGUMENT},
};

static void test_map_arguments(void **state)
{
    (void)state;
    struct area *area = anonymous(16);
    map(space, area, 0, 4 * PAGE, HERE, RW);
    for (size_t i = 0; i < ARRAY_COUNT(map_cases); i++) {
        const struct map_case *row = &map_cases[i];
        vaddr_t va = 77;
        unsigned refs = atomic_load(&area->object.refs);
        status_t status =
            map_view(space, area, row->offset, row->bytes, row->va, row->protection, &va);
        bool is_ok = status == OK;
        if (status != row->status || atomic_load(&area->object.refs) != refs + is_ok ||
            va != (is_ok ? row->va : 77)) {
            fail_msg("%s: status %d, va %llx", row->name, status, (unsigned long long)va);
        }
        check_space();
        if (is_ok) {
            assert_int_equal(space_unmap(space, row->va, row->bytes), OK);
        }
    }
    put(area);
    assert_int_equal(space_unmap(space, HERE, 4 * PAGE), OK);
}

static void test_read_only_areas_cannot_be_mapped_writable(void **state)
{
    (void)state;
    vaddr_t va = 0;
    struct area *area = physical(MACHINE_IMAGE_BASE, MIB, false, false);
    assert_int_equal(map_view(space, area, 0, PAGE, HERE, RW, &va), ERR_NO_RIGHTS);
    map(space, area, 0, PAGE, HERE, PROT_READ);
    assert_int_equal(outcome_of(HERE, ACCESS_READ), FAULT_MAPPED);
    assert_int_equal(outcome_of(HERE, ACCESS_WRITE), FAULT_FAILED);
    put(area);
}

static void test_every_protection_is_kept(void **state)
{
    (void)state;
    static const struct {
        unsigned protection;
        bool can[3]; /* read, write, execute */
    } rows[] = {
        {PROT_READ, {true, false, false}},
        {PROT_WRITE, {true, true, false}},
        {RW, {true, true, false}},
        {PROT_EXEC, {true, false, true}},
        {PROT_READ | PROT_EXEC, {true, false, true}},
    };
    struct area *areas[] = {anonymous(8), physical(MACHINE_IMAGE_BASE, 2 * MIB, true, false)};
    for (size_t kind = 0; kind < ARRAY_COUNT(areas); kind++) {
        for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
            for (unsigned first = ACCESS_READ; first <= ACCESS_EXECUTE; first++) {
                map(space, areas[kind], 0, 8 * PAGE, HERE, rows[i].protection);
                for (unsigned j = 0; j < 3; j++) {
                    unsigned access = (first + j) % 3;
                    assert_int_equal(outcome_of(HERE + PAGE, access) != FAULT_FAILED,
                                     rows[i].can[access]);
                }
                check_space();
                assert_int_equal(space_unmap(space, HERE, 8 * PAGE), OK);
            }
        }
        put(areas[kind]);
    }
}

static void test_new_pages_are_zero(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3;
         round++) { /* memory is dirty: first from power-on, then from ourselves */
        struct area *area = anonymous(300);
        map(space, area, 0, 300 * PAGE, HERE, RW);
        for (vaddr_t va = HERE; va < HERE + 300 * PAGE; va += PAGE) {
            int outcome;
            uint8_t *page = cpu_access(space, va, ACCESS_WRITE, &outcome);
            assert_int_equal(outcome, FAULT_ZEROED);
            for (unsigned i = 0; i < PAGE_BYTES; i++) {
                assert_int_equal(page[i], 0);
            }
            memset(page, 0xee, PAGE_BYTES);
        }
        put(area);
        assert_int_equal(space_unmap(space, HERE, 300 * PAGE), OK);
        assert_counts(empty_space);
    }
}

static void test_create_touch_destroy_loops_lose_nothing(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 400; round++) {
        struct space *other;
        assert_int_equal(space_create(&other), OK);
        struct area *area = anonymous(1 + round % 50);
        vaddr_t va = map(other, area, 0, (1 + round % 50) * PAGE, 0, RW);
        for (uint64_t page = 0; page < 1 + round % 50; page += 1 + round % 3) {
            store(other, va + page * PAGE, round);
        }
        put(area);
        if (round % 2) {
            assert_int_equal(space_unmap(other, va, (1 + round % 50) * PAGE), OK);
        }
        space_destroy(other);
        tlb_model_reset(); /* nobody runs on it: as the CR3 load did */
        assert_counts(empty_space);
    }
}

/* ---- sharing ---- */

static void test_spaces_share_the_pages_of_an_area(void **state)
{
    (void)state;
    struct space *other;
    assert_int_equal(space_create(&other), OK);
    struct area *area = anonymous(8);
    map(space, area, 0, 8 * PAGE, HERE, RW);
    map(other, area, 4 * PAGE, 4 * PAGE, 0x9000000, PROT_READ);
    store(space, HERE + 5 * PAGE, 123);
    assert_int_equal(load(other, 0x9000000 + PAGE), 123);
    assert_int_equal(load(other, 0x9000000), 0); /* touched first there */
    store(space, HERE + 4 * PAGE, 9);
    assert_int_equal(load(other, 0x9000000), 9);
    assert_int_equal(frame_count(FRAME_USER), 2);
    /* The pages live as long as the area. */
    assert_int_equal(space_unmap(space, HERE, 8 * PAGE), OK);
    map(space, area, 0, 8 * PAGE, HERE, RW);
    assert_int_equal(load(space, HERE + 5 * PAGE), 123);
    put(area);
    assert_int_equal(space_unmap(space, HERE, 8 * PAGE), OK);
    assert_int_equal(load(other, 0x9000000 + PAGE), 123);
    space_destroy(other);
    tlb_model_reset();
    assert_int_equal(frame_count(FRAME_USER), 0);
}

static void test_one_space_can_map_an_area_twice(void **state)
{
    (void)state;
    struct area *area = anonymous(2);
    map(space, area, 0, 2 * PAGE, HERE, RW);
    map(space, area, 0, 2 * PAGE, HERE + 2 * PAGE, RW);
    store(space, HERE + PAGE, 5);
    assert_int_equal(load(space, HERE + 3 * PAGE), 5);
    put(area);
    assert_int_equal(space_unmap(space, HERE, 2 * PAGE), OK);
    assert_int_equal(load(space, HERE + 3 * PAGE), 5);
}

/* ---- choosing addresses ---- */

/* A pager shows page after page of an object: one mapping, which can be cut like any other. */
static void test_what_goes_on_becomes_one_mapping(void **state)
{
    (void)state;
    struct area *area = anonymous(8);
    for (unsigned page = 0; page < 4; page++) {
        map(space, area, page * PAGE, PAGE, HERE + page * PAGE, RW);
        store(space, HERE + page * PAGE, page + 1);
    }
    assert_int_equal(space->mapping_count, 1);
    static const struct {
        uint64_t page;
        unsigned protection;
        const char *why;
    } others[] = {
        {5, RW, "a page between"}, {4, PROT_READ, "less rights"}, {4, RW | MAP_GUARD, "a guard"}};
    for (unsigned i = 0; i < ARRAY_COUNT(others); i++) {
        vaddr_t got, va = HERE + 4 * PAGE;
        status_t status =
            map_view(space, area, others[i].page * PAGE, PAGE, va, others[i].protection, &got);
        bool is_guard = others[i].protection & MAP_GUARD;
        assert_int_equal(status, is_guard ? ERR_BUSY : OK);
        assert_int_equal(space->mapping_count, is_guard ? 1 : 2);
        assert_int_equal(space_unmap(space, va, PAGE), is_guard ? ERR_NOT_FOUND : OK);
    }
    assert_int_equal(space_unmap(space, HERE + PAGE, PAGE), OK);
    assert_int_equal(space->mapping_count, 2);
    check_space();
    assert_int_equal(load(space, HERE + 2 * PAGE), 3);
    assert_int_equal(outcome_of(HERE + PAGE, ACCESS_READ), FAULT_FAILED);
    put(area);
}

static void test_what_is_there_is_shown_at_once(void **state)
{
    (void)state;
    struct area *area = anonymous(40),
                *image = physical(MACHINE_IMAGE_BASE, 8 * PAGE, false, false);
    struct space *other;
    assert_int_equal(space_create(&other), OK);
    map(other, area, 0, 40 * PAGE, 0x9000000, RW);
    store(other, 0x9000000 + 2 * PAGE, 22);
    store(other, 0x9000000 + 20 * PAGE, 20);
    map(space, area, 0, 40 * PAGE, HERE, RW | MAP_PRESENT);
    map(space, image, PAGE, 7 * PAGE, HERE + MIB, PROT_READ | MAP_PRESENT);
    assert_int_equal(outcome_of(HERE + 2 * PAGE, ACCESS_WRITE), -1);
    assert_int_equal(load(space, HERE + 2 * PAGE), 22);
    assert_int_equal(outcome_of(HERE + PAGE, ACCESS_READ), FAULT_ZEROED);
    assert_int_equal(outcome_of(HERE + 20 * PAGE, ACCESS_READ), FAULT_MAPPED); /* beyond 64 KiB */
    assert_int_equal(outcome_of(HERE + MIB + 6 * PAGE, ACCESS_READ), -1);
    check_space();
    space_destroy(other);
    put(area);
    put(image);
}

/* A page that a clone shares is shown, but must be copied before it is written to. */
static void test_shared_pages_are_shown_read_only(void **state)
{
    (void)state;
    struct area *area = anonymous(4), *clone;
    map(space, area, 0, 4 * PAGE, HERE, RW);
    store(space, HERE, 7);
    assert_int_equal(area_clone(area, 0, 4 * PAGE, &clone), OK);
    map(space, clone, 0, 4 * PAGE, HERE + MIB, RW | MAP_PRESENT);
    assert_int_equal(outcome_of(HERE + MIB, ACCESS_READ), -1);
    check_space();
    assert_int_equal(outcome_of(HERE + MIB, ACCESS_WRITE), FAULT_COPIED);
    store(space, HERE + MIB, 8);
    assert_int_equal(load(space, HERE), 7);
    put(area);
    put(clone);
}

static void test_chosen_addresses_keep_apart(void **state)
{
    (void)state;
    struct area *area = anonymous(2048);
    vaddr_t got[60];
    uint64_t bytes[60], seed = 3;
    for (unsigned i = 0; i < ARRAY_COUNT(got); i++) {
        bytes[i] = (1 + random_next(&seed) % (i % 10 == 0 ? 1024 : 20)) * PAGE;
        got[i] = map(space, area, 0, bytes[i], 0, RW);
        assert_true(got[i] >= SPACE_CHOOSE_BASE);
        for (unsigned j = 0; j < i; j++) {
            assert_true(got[j] + bytes[j] + PAGE <= got[i] || got[i] + bytes[i] + PAGE <= got[j]);
        }
        assert_int_equal(outcome_of(got[i] - 1, ACCESS_READ), FAULT_FAILED);
        assert_int_equal(outcome_of(got[i] + bytes[i], ACCESS_READ), FAULT_FAILED);
    }
    assert_int_equal(space_unmap(space, got[5], bytes[5]), OK);
    assert_true(map(space, area, 0, PAGE, 0, RW) > got[59]); /* an address is not reused at once */
    put(area);
}

static void test_choice_goes_around_obstacles_and_wraps(void **state)
{
    (void)state;
    struct area *area = anonymous(64);
    map(space, area, 0, PAGE, SPACE_CHOOSE_BASE + 3 * PAGE, RW);
    assert_int_equal(map(space, area, 0, PAGE, 0, RW), SPACE_CHOOSE_BASE + PAGE);
    assert_int_equal(map(space, area, 0, 8 * PAGE, 0, RW), SPACE_CHOOSE_BASE + 5 * PAGE);
    space->choose_next = USER_END - 4 * PAGE;
    assert_int_equal(map(space, area, 0, 2 * PAGE, 0, RW), USER_END - 3 * PAGE);
    assert_int_equal(map(space, area, 0, 8 * PAGE, 0, RW),
                     SPACE_CHOOSE_BASE + 14 * PAGE); /* around to the beginning */
    put(area);
}

static void test_no_room_is_an_error(void **state)
{
    (void)state;
    vaddr_t va;
    struct area *huge = anonymous(AREA_BYTES_MAX / PAGE);
    struct area *small = anonymous(1);
    map(space, huge, 0, AREA_BYTES_MAX, 0, RW);
    assert_int_equal(map_view(space, huge, 0, AREA_BYTES_MAX, 0, RW, &va), ERR_NO_MEMORY);
    map(space, small, 0, PAGE, 0, RW);
    check_space();
    put(huge);
    put(small);
}

/* ---- unmap ---- */

static void test_unmap_arguments(void **state)
{
    (void)state;
    struct area *area = anonymous(4);
    map(space, area, 0, 4 * PAGE, HERE, RW);
    put(area);
    assert_int_equal(space_unmap(space, HERE, 0), ERR_RANGE);
    assert_int_equal(space_unmap(space, HERE + 1, PAGE), ERR_RANGE);
    assert_int_equal(space_unmap(space, HERE, PAGE - 1), ERR_RANGE);
    assert_int_equal(space_unmap(space, 0, PAGE), ERR_RANGE);
    assert_int_equal(space_unmap(space, HERE, USER_END), ERR_RANGE);
    assert_int_equal(space_unmap(space, HERE, ~0ull - PAGE + 1), ERR_RANGE);
    assert_int_equal(space_unmap(space, HERE - PAGE, PAGE), ERR_NOT_FOUND);
    assert_int_equal(space_unmap(space, HERE + 4 * PAGE, PAGE), ERR_NOT_FOUND);
    assert_int_equal(space_unmap(space, HERE - 4 * PAGE, 100 * PAGE), OK); /* holes are no error */
    assert_int_equal(space_unmap(space, HERE, 4 * PAGE), ERR_NOT_FOUND);
}

/* Every way to cut a mapping of 6 pages, touched or not: what remains keeps its contents and its
 * protection. */
static void test_every_cut(void **state)
{
    (void)state;
    for (unsigned low = 0; low < 6; low++) {
        for (unsigned high = low + 1; high <= 6; high++) {
            struct area *area = anonymous(8);
            map(space, area, 2 * PAGE, 6 * PAGE, HERE, RW);
            for (unsigned page = 0; page < 6; page++) {
                store(space, HERE + page * PAGE, 100 + page);
            }
            assert_int_equal(space_unmap(space, HERE + low * PAGE, (high - low) * PAGE), OK);
            check_space();
            for (unsigned page = 0; page < 6; page++) {
                if (page >= low && page < high) {
                    assert_int_equal(outcome_of(HERE + page * PAGE, ACCESS_READ), FAULT_FAILED);
                } else {
                    assert_int_equal(load(space, HERE + page * PAGE), 100 + page);
                }
            }
            map(space, area, (2 + low) * PAGE, (high - low) * PAGE, HERE + low * PAGE, PROT_READ);
            for (unsigned page = 0; page < 6; page++) { /* the area has kept the pages */
                assert_int_equal(load(space, HERE + page * PAGE), 100 + page);
            }
            put(area);
            assert_int_equal(space_unmap(space, HERE, 6 * PAGE), OK);
            assert_counts(empty_space);
        }
    }
}

static void test_unmap_over_many_mappings(void **state)
{
    (void)state;
    struct area *area = anonymous(64);
    for (unsigned i = 0; i < 10; i++) {
        map(space, area, i * PAGE, 3 * PAGE, HERE + i * 5 * PAGE, RW);
        store(space, HERE + (i * 5 + 1) * PAGE, i);
    }
    put(area);
    assert_int_equal(space_unmap(space, HERE + PAGE, 46 * PAGE),
                     OK); /* from inside the first to inside the last */
    check_space();
    assert_int_equal(space->mapping_count, 2);
    assert_int_not_equal(outcome_of(HERE, ACCESS_READ), FAULT_FAILED);
    assert_int_equal(outcome_of(HERE + PAGE, ACCESS_READ), FAULT_FAILED);
    assert_int_equal(outcome_of(HERE + 46 * PAGE, ACCESS_READ), FAULT_FAILED);
    assert_int_not_equal(outcome_of(HERE + 47 * PAGE, ACCESS_READ), FAULT_FAILED);
}

static void test_an_untouched_mapping_needs_no_flush(void **state)
{
    (void)state;
    struct area *area = anonymous(1000);
    map(space, area, 0, 1000 * PAGE, HERE, RW);
    put(area);
    assert_int_equal(space_unmap(space, HERE, 1000 * PAGE), OK);
    assert_int_equal(tlb_flush_count, 0);
}

/* While a long unmap lets others run, its addresses are neither usable nor free. */
static bool in_hook;
static unsigned hook_runs;

static void use_what_is_dying(void)
{
    vaddr_t va;
    if (in_hook ||
        space_first(space) == NULL) { /* the second: only the area is left, which is being freed */
        return;
    }
    in_hook = true;
    hook_runs++;
    tlb_model_check();
    check_space();
    vaddr_t last = HERE + 99 * LARGE_PAGE_BYTES;
    assert_int_equal(space_fault(space, last, FAULT_USER), FAULT_FAILED);
    assert_int_equal(space_fault(space, HERE, FAULT_USER | FAULT_WRITE), FAULT_FAILED);
    struct area *area = anonymous(1);
    assert_int_equal(map_view(space, area, 0, PAGE, last, RW, &va), ERR_BUSY);
    assert_int_equal(space_unmap(space, last, PAGE), ERR_NOT_FOUND);
    assert_int_equal(space_unmap(space, HERE + PAGE, PAGE), ERR_NOT_FOUND);
    va = map(space, area, 0, PAGE, 0, RW); /* elsewhere life goes on */
    store(space, va, 1);
    assert_int_equal(space_unmap(space, va, PAGE), OK);
    put(area);
    in_hook = false;
}

static void test_long_unmap_lets_others_run(void **state)
{
    (void)state;
    struct area *area = anonymous(100 * 512);
    map(space, area, 0, 100 * LARGE_PAGE_BYTES, HERE, RW);
    for (unsigned i = 0; i < 100; i++) {
        store(space, HERE + (uint64_t)i * LARGE_PAGE_BYTES, i);
    }
    put(area);
    hook_runs = 0;
    machine_at_preempt = use_what_is_dying;
    assert_int_equal(space_unmap(space, HERE, 100 * LARGE_PAGE_BYTES), OK);
    machine_at_preempt = NULL;
    assert_true(hook_runs >= 24);
    assert_counts(empty_space);
}

/* ---- physical memory ---- */

static void test_largest_pages_of_physical_memory(void **state)
{
    (void)state;
    struct area *area = physical(MACHINE_IMAGE_BASE, MACHINE_IMAGE_BYTES, true, false);
    vaddr_t va = map(space, area, 0, MACHINE_IMAGE_BYTES, 0, RW);
    assert_int_equal(va % LARGE_PAGE_BYTES, 0);
    assert_int_equal(outcome_of(va + LARGE_PAGE_BYTES + 5, ACCESS_WRITE), FAULT_LARGE);
    assert_int_equal(outcome_of(va + LARGE_PAGE_BYTES * 2 - 1, ACCESS_WRITE), -1);
    store(space, va + LARGE_PAGE_BYTES + 8, 42);
    assert_int_equal(*(uint64_t *)phys_to_virt(MACHINE_IMAGE_BASE + LARGE_PAGE_BYTES + 8), 42);
    check_space();
    /* With a page cut out of it the leaf goes; the rest comes back small. */
    assert_int_equal(space_unmap(space, va + LARGE_PAGE_BYTES + 8 * PAGE, PAGE), OK);
    check_space();
    assert_int_equal(outcome_of(va + LARGE_PAGE_BYTES + 8 * PAGE, ACCESS_READ), FAULT_FAILED);
    assert_int_equal(outcome_of(va + LARGE_PAGE_BYTES + 9 * PAGE, ACCESS_READ), FAULT_MAPPED);
    assert_int_equal(load(space, va + LARGE_PAGE_BYTES + 8), 42);
    check_space();
    put(area);
}

static void test_alignment_follows_the_memory(void **state)
{
    (void)state;
    struct area *area = physical(MACHINE_IMAGE_BASE + 3 * PAGE, 5 * MIB, true, false);
    vaddr_t va =
        map(space, area, PAGE, 4 * MIB, 0, RW); /* memory begins 4 pages after a boundary */
    assert_int_equal(va % LARGE_PAGE_BYTES, 4 * PAGE);
    assert_int_equal(outcome_of(va, ACCESS_READ), FAULT_MAPPED); /* before the first whole 2 MiB */
    assert_int_equal(outcome_of(va + LARGE_PAGE_BYTES, ACCESS_READ), FAULT_LARGE);
    assert_int_equal(outcome_of(va + 4 * MIB - 1, ACCESS_READ), FAULT_MAPPED);
    check_space();
    map(space, area, 0, 4 * MIB, HERE,
        RW); /* an address that does not fit the memory: small pages */
    assert_int_equal(outcome_of(HERE + LARGE_PAGE_BYTES, ACCESS_READ), FAULT_MAPPED);
    check_space();
    put(area);
}

static void test_neighbours_are_mapped_along(void **state)
{
    (void)state;
    struct area *area = physical(MACHINE_IMAGE_BASE, 64 * PAGE, true, false);
    map(space, area, 0, 40 * PAGE, HERE + 3 * PAGE, RW);
    assert_int_equal(outcome_of(HERE + 5 * PAGE, ACCESS_READ), FAULT_MAPPED);
    uint64_t page_bytes;
    for (unsigned page = 0; page < 20; page++) {
        bool mapped = page_table_find(&space->table, HERE + page * PAGE, &page_bytes) != NULL;
        /* The aligned 64 KiB, as far as the mapping goes. */
        assert_int_equal(mapped, page >= 3 && page < 16);
    }
    check_space();
    put(area);
}

static void test_device_memory_is_uncached(void **state)
{
    (void)state;
    struct area *area = physical(0xfee00000, PAGE, true, true);
    map(space, area, 0, PAGE, HERE, RW);
    assert_int_equal(space_fault(space, HERE, FAULT_USER), FAULT_MAPPED);
    uint64_t page_bytes;
    uint64_t leaf = *page_table_find(&space->table, HERE, &page_bytes);
    assert_true((leaf & PTE_PCD) && (leaf & PTE_SOFT_NO_COPY) && (leaf & PTE_NX) &&
                (leaf & PTE_ADDRESS) == 0xfee00000);
    put(area);
}

static void test_run_areas(void **state)
{
    (void)state;
    struct area *area;
    assert_int_equal(area_create_run(600 * PAGE, 0, &area), OK);
    vaddr_t va = map(space, area, 0, 600 * PAGE, 0, RW);
    put(area);
    for (unsigned page = 0; page < 600; page += 7) {
        assert_int_equal(load(space, va + page * PAGE), 0);
        store(space, va + page * PAGE, page);
    }
    check_space();
    assert_int_equal(space_unmap(space, va, 600 * PAGE), OK);
    assert_counts(empty_space);
}

/* ---- faults ---- */

static void test_faults_that_fail(void **state)
{
    (void)state;
    struct area *area = anonymous(1);
    map(space, area, 0, PAGE, HERE, RW);
    put(area);
    static const struct {
        const char *name;
        vaddr_t va;
        unsigned error;
        enum fault_outcome outcome;
    } rows[] = {
        {"nothing mapped", HERE + PAGE_BYTES, FAULT_USER, FAULT_FAILED},
        {"null", 0, FAULT_USER, FAULT_FAILED},
        {"end of user space", USER_END, FAULT_USER, FAULT_FAILED},
        {"not canonical", 0x800000000000ull, FAULT_USER, FAULT_FAILED},
        {"kernel address from user mode", 0xffff800000000000ull, FAULT_USER | FAULT_PRESENT,
         FAULT_FAILED},
        {"execute data", HERE, FAULT_USER | FAULT_FETCH, FAULT_FAILED},
        {"damaged entry", HERE, FAULT_USER | FAULT_PRESENT | FAULT_RESERVED, FAULT_FAILED},
        {"kernel executes user memory", HERE, FAULT_FETCH, FAULT_FAILED},
        {"kernel copies out", HERE, FAULT_WRITE, FAULT_ZEROED},
        {"another core was faster", HERE, FAULT_USER | FAULT_WRITE, FAULT_SPURIOUS},
        {"another core was faster than the kernel", HERE, FAULT_WRITE, FAULT_SPURIOUS},
        {"SMAP", HERE, FAULT_PRESENT, FAULT_FAILED},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        enum fault_outcome outcome = space_fault(space, rows[i].va, rows[i].error);
        if (outcome != rows[i].outcome) {
            fail_msg("%s: %d", rows[i].name, (int)outcome);
        }
    }
    assert_int_equal(frame_count(FRAME_USER), 1);
}

/* Another core takes the same fault in another space, just before this one locks the area. */
static struct area *raced;
static struct space *racer;

static void be_faster(struct spinlock *lock)
{
    if (lock != &raced->lock) {
        return;
    }
    machine_at_acquire = NULL;
    machine_set_cpu(1);
    assert_int_equal(space_fault(racer, 0x7000000, FAULT_USER), FAULT_ZEROED);
    machine_set_cpu(0);
}

static void test_who_loses_the_race_for_a_page_takes_the_winners(void **state)
{
    (void)state;
    raced = anonymous(1);
    assert_int_equal(space_create(&racer), OK);
    map(space, raced, 0, PAGE, HERE, RW);
    map(racer, raced, 0, PAGE, 0x7000000, RW);
    machine_at_acquire = be_faster;
    assert_int_equal(space_fault(space, HERE, FAULT_USER | FAULT_WRITE), FAULT_MAPPED);
    assert_int_equal(frame_count(FRAME_USER), 1); /* the loser's frame went back */
    store(space, HERE, 3);
    assert_int_equal(load(racer, 0x7000000), 3);
    put(raced);
    space_destroy(racer);
    tlb_model_reset();
    machine_set_cpu(1);
    frame_cache_drain();
    heap_trim();
    machine_set_cpu(0);
}

/* Another core writes to the page while this one copies it, just after the clone with which it was shared has gone. */
static struct area *clone_that_goes;

static void write_on(struct spinlock *lock)
{
    if (lock != &raced->lock) {
        return;
    }
    machine_at_acquire = NULL;
    machine_set_cpu(1);
    put(clone_that_goes);
    store(space, HERE, 2);
    machine_set_cpu(0);
}

static void test_a_copy_loses_nothing_that_was_written_meanwhile(void **state)
{
    (void)state;
    raced = anonymous(1);
    map(space, raced, 0, PAGE, HERE, RW);
    store(space, HERE, 1);
    assert_int_equal(area_clone(raced, 0, PAGE, &clone_that_goes), OK);
    machine_at_acquire = write_on;
    (void)space_fault(space, HERE, FAULT_USER | FAULT_WRITE | FAULT_PRESENT);
    assert_null(machine_at_acquire);
    assert_int_equal(load(space, HERE), 2);
    check_space();
    assert_int_equal(frame_count(FRAME_USER), 1);
    put(raced);
    machine_set_cpu(1);
    frame_cache_drain();
    heap_trim();
    machine_set_cpu(0);
}

/* ---- no memory, at every allocation ---- */

typedef status_t (*operation_fn)(void);

/* Run an operation with its first, second, ... allocation failing until it gets through. Each
 * failure is reported and changes nothing that `undo` and a retry would notice. Returns how many
 * allocations there were. */
static unsigned fail_each_allocation(operation_fn operation)
{
    for (unsigned fail_at = 1;; fail_at++) {
        uint64_t mappings = space->mapping_count;
        machine_fail_at = fail_at;
        status_t status = operation();
        bool failed = machine_fail_at == 0;
        machine_fail_at = 0;
        assert_int_equal(status, failed ? ERR_NO_MEMORY : OK);
        check_space();
        assert_holds(frame_check);
        assert_holds(heap_check);
        if (!failed) {
            return fail_at - 1;
        }
        assert_int_equal(space->mapping_count, mappings);
    }
}

static struct space *made;
static struct area *subject;

static status_t make_space(void)
{
    return space_create(&made);
}

static status_t map_subject(void)
{
    vaddr_t va;
    return map_view(space, subject, 0, 8 * PAGE, HERE, RW, &va);
}

static status_t fault_subject(void)
{
    status_t status = OK;
    (void)space_resolve(space, HERE + 5 * PAGE, PROT_WRITE, &status);
    return status;
}

static status_t cut_subject(void)
{
    return space_unmap(space, HERE + 2 * PAGE, 4 * PAGE);
}

static status_t prefault_subject(void)
{
    return space_prefault(space, HERE, 2 * PAGE, true);
}

static void test_no_memory_at_any_point(void **state)
{
    (void)state;
    mapping_free(mapping_create(space, NULL)); /* from now on its cache has some */
    assert_int_equal(fail_each_allocation(make_space), 2);
    space_destroy(made);
    for (unsigned kind = 0; kind < 2; kind++) {
        subject = kind == 0 ? anonymous(8) : physical(MACHINE_IMAGE_BASE, 8 * PAGE, true, false);
        unsigned refs = atomic_load(&subject->object.refs);
        assert_int_equal(fail_each_allocation(map_subject), 1);
        assert_int_equal(atomic_load(&subject->object.refs), refs + 1);
        assert_true(fail_each_allocation(fault_subject) >=
                    3); /* three tables, and what the area needs */
        assert_int_equal(fail_each_allocation(cut_subject), 2);
        (void)fail_each_allocation(prefault_subject);
        assert_int_not_equal(outcome_of(HERE, ACCESS_WRITE), FAULT_FAILED);
        put(subject);
        assert_int_equal(space_unmap(space, HERE, 8 * PAGE), OK);
        assert_counts(empty_space);
    }
}

static void test_a_space_destroyed_without_memory(void **state)
{
    (void)state;
    struct space *other;
    assert_int_equal(space_create(&other), OK);
    struct area *area = anonymous(100);
    for (unsigned i = 0; i < 10; i++) {
        map(other, area, 0, 100 * PAGE, 0, RW);
    }
    put(area);
    machine_allocations = 0;
    space_destroy(other);
    assert_int_equal(machine_allocations, 0); /* the end must not depend on memory */
}

static void test_all_memory_used_up(void **state)
{
    (void)state;
    struct area *area = anonymous(65536);
    vaddr_t va = map(space, area, 0, 65536 * PAGE, 0, RW);
    uint64_t touched = 0;
    status_t status;
    while (space_resolve(space, va + touched * PAGE, PROT_WRITE, &status) != FAULT_FAILED) {
        touched++;
    }
    assert_int_equal(status, ERR_NO_MEMORY);
    assert_true(touched > 15000);
    check_space();
    assert_int_equal(space_prefault(space, va, 65536 * PAGE, true), ERR_NO_MEMORY);
    put(area);
    assert_int_equal(space_unmap(space, va, 65536 * PAGE), OK);
    assert_counts(empty_space);
}

/* ---- prefault and copy ---- */

static void test_prefault(void **state)
{
    (void)state;
    struct area *area = anonymous(600);
    map(space, area, 0, 300 * PAGE, HERE, RW);
    map(space, area, 300 * PAGE, 300 * PAGE, HERE + 300 * PAGE, PROT_READ);
    assert_int_equal(space_prefault(space, HERE + 100, 300 * PAGE - 100, true), OK);
    assert_int_equal(area->resident, 300);
    assert_int_equal(space_prefault(space, HERE + 200 * PAGE, 400 * PAGE, false), OK);
    assert_int_equal(area->resident, 600);
    assert_int_equal(space_prefault(space, HERE + 299 * PAGE, PAGE + 1, true), ERR_BAD_ADDRESS);
    assert_int_equal(space_prefault(space, HERE + 600 * PAGE - 1, 1, false), OK);
    assert_int_equal(space_prefault(space, HERE + 600 * PAGE - 1, 2, false), ERR_BAD_ADDRESS);
    assert_int_equal(space_prefault(space, 0, 0, true), OK);
    assert_int_equal(space_prefault(space, 0, 1, false), ERR_BAD_ADDRESS);
    assert_int_equal(space_prefault(space, HERE, USER_END, false), ERR_BAD_ADDRESS);
    assert_int_equal(space_prefault(space, HERE, ~0ull, false), ERR_BAD_ADDRESS);
    assert_true(machine_preempts > 50);
    check_space();
    put(area);
}

static struct space *peer;

static void make_peer(void)
{
    assert_int_equal(space_create(&peer), OK);
}

static void drop_peer(void)
{
    space_destroy(peer);
    tlb_model_reset();
}

static uint8_t pattern(uint64_t i)
{
    return (uint8_t)(i * 7 + i / 256);
}

static void test_copy_of_any_length_and_alignment(void **state)
{
    (void)state;
    make_peer();
    struct area *from = anonymous(20), *to = anonymous(20);
    map(space, from, 0, 20 * PAGE, HERE, RW);
    map(peer, to, 0, 20 * PAGE, 0x7000000, RW);
    assert_int_equal(space_prefault(space, HERE, 20 * PAGE, true), OK);
    assert_int_equal(space_prefault(peer, 0x7000000, 20 * PAGE, true), OK);
    int outcome;
    for (uint64_t i = 0; i < 20 * PAGE; i++) {
        *(uint8_t *)cpu_access(space, HERE + i, ACCESS_WRITE, &outcome) = pattern(i);
    }
    static const uint64_t lengths[] = {0,    1,    7,    8,     9,     63,   512,
                                       4095, 4096, 4097, 16384, 16385, 70000};
    uint64_t seed = 12;
    bool bad_to;
    for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
        for (unsigned round = 0; round < 6; round++) {
            uint64_t from_at = random_next(&seed) % (20 * PAGE - lengths[i]);
            uint64_t to_at = 1 + random_next(&seed) % (20 * PAGE - lengths[i] - 2);
            *(uint8_t *)cpu_access(peer, 0x7000000 + to_at - 1, ACCESS_WRITE, &outcome) = 0xab;
            *(uint8_t *)cpu_access(peer, 0x7000000 + to_at + lengths[i], ACCESS_WRITE, &outcome) =
                0xcd;
            machine_preempts = 0;
            assert_int_equal(
                space_copy(peer, 0x7000000 + to_at, space, HERE + from_at, lengths[i], &bad_to),
                OK);
            assert_int_equal(machine_preempts, lengths[i] == 0 ? 0 : (lengths[i] - 1) / 0x4000);
            for (uint64_t j = 0; j < lengths[i]; j++) {
                assert_int_equal(
                    *(uint8_t *)cpu_access(peer, 0x7000000 + to_at + j, ACCESS_READ, &outcome),
                    pattern(from_at + j));
            }
            assert_int_equal(
                *(uint8_t *)cpu_access(peer, 0x7000000 + to_at - 1, ACCESS_READ, &outcome), 0xab);
            assert_int_equal(
                *(uint8_t *)cpu_access(peer, 0x7000000 + to_at + lengths[i], ACCESS_READ, &outcome),
                0xcd);
        }
    }
    put(from);
    put(to);
    drop_peer();
}

static void test_copy_names_who_is_at_fault(void **state)
{
    (void)state;
    make_peer();
    struct area *ram = anonymous(4), *device = physical(0xfee00000, PAGE, true, true),
                *rom = physical(MACHINE_IMAGE_BASE, PAGE, false, false);
    map(space, ram, 0, 2 * PAGE, HERE, RW);
    map(space, device, 0, PAGE, 0x5000000, RW);
    map(peer, ram, 2 * PAGE, 2 * PAGE, 0x7000000, RW);
    map(peer, rom, 0, PAGE, 0x8000000, PROT_READ);
    assert_int_equal(space_prefault(space, HERE, PAGE, true),
                     OK); /* the second page of each is not present */
    assert_int_equal(space_prefault(space, 0x5000000, PAGE, true), OK);
    assert_int_equal(space_prefault(peer, 0x7000000, PAGE, true), OK);
    assert_int_equal(space_prefault(peer, 0x8000000, PAGE, false), OK);
    static const struct {
        const char *name;
        vaddr_t to, from;
        uint64_t bytes;
        status_t status;
        bool bad_to;
    } rows[] = {
        {"good", 0x7000000, HERE, PAGE_BYTES, OK, false},
        {"source not present", 0x7000000, HERE + PAGE_BYTES, 1, ERR_BAD_ADDRESS, false},
        {"source ends too early", 0x7000000, HERE + 8, PAGE_BYTES, ERR_BAD_ADDRESS, false},
        {"target not present", 0x7000000 + PAGE_BYTES, HERE, 1, ERR_BAD_ADDRESS, true},
        {"target ends too early", 0x7000008, HERE, PAGE_BYTES, ERR_BAD_ADDRESS, true},
        {"target read only", 0x8000000, HERE, 8, ERR_BAD_ADDRESS, true},
        {"source is a device", 0x7000000, 0x5000000, 8, ERR_BAD_ADDRESS, false},
        {"source in the kernel", 0x7000000, DIRECT_MAP_BASE, 8, ERR_BAD_ADDRESS, false},
        {"target in the kernel", 0xffffffff80000000ull, HERE, 8, ERR_BAD_ADDRESS, true},
        {"source wraps", 0x7000000, ~0ull - 3, 8, ERR_BAD_ADDRESS, false},
        {"source too long", 0x7000000, HERE, USER_END, ERR_BAD_ADDRESS, false},
        {"both nowhere: the source", 0x100000000, 0x200000000, 8, ERR_BAD_ADDRESS, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        bool bad_to = !rows[i].bad_to;
        status_t status = space_copy(peer, rows[i].to, space, rows[i].from, rows[i].bytes, &bad_to);
        if (status != rows[i].status || (status != OK && bad_to != rows[i].bad_to)) {
            fail_msg("%s: %d, %d", rows[i].name, status, bad_to);
        }
    }
    put(ram);
    put(device);
    put(rom);
    drop_peer();
}

/* As paging out leaves the pages of a message that is under way: in memory, but shown by no leaf. */
static void hide(struct space *whose, vaddr_t va)
{
    shared_lock_acquire(&whose->lock);
    space_clear_leaves_locked(whose, va, va + PAGE);
    shared_lock_release(&whose->lock);
}

static void test_copy_shows_hidden_pages_again(void **state)
{
    (void)state;
    bool bad_to;
    make_peer();
    struct area *from = anonymous(8), *to = anonymous(8);
    map(space, from, 0, 8 * PAGE, HERE, RW);
    map(peer, to, 0, 8 * PAGE, 0x7000000, RW);
    for (unsigned i = 0; i < 8; i++) {
        store(space, HERE + i * PAGE, 100 + i);
        store(peer, 0x7000000 + i * PAGE, 0);
    }
    for (unsigned page = 0; page < 8; page += 3) {
        hide(space, HERE + page * PAGE);
        hide(peer, 0x7000000 + (7 - page) * PAGE);
    }
    assert_int_equal(space_copy(peer, 0x7000000, space, HERE, 8 * PAGE, &bad_to), OK);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(load(peer, 0x7000000 + i * PAGE), 100 + i);
    }
    put(from);
    put(to);
    drop_peer();
}

static void test_copy_within_one_space(void **state)
{
    (void)state;
    bool bad_to;
    struct area *area = anonymous(8);
    map(space, area, 0, 8 * PAGE, HERE, RW);
    store(space, HERE, 11);
    store(space, HERE + 4 * PAGE, 0);
    assert_int_equal(space_copy(space, HERE + 4 * PAGE, space, HERE, 8, &bad_to), OK);
    assert_int_equal(load(space, HERE + 4 * PAGE), 11);
    put(area);
}

static void unmap_the_source(void)
{
    machine_at_preempt = NULL;
    assert_int_equal(space_unmap(space, HERE + 4 * PAGE, 4 * PAGE), OK);
}

static void test_copy_notices_what_was_unmapped_in_between(void **state)
{
    (void)state;
    bool bad_to = true;
    make_peer();
    struct area *from = anonymous(8), *to = anonymous(8);
    map(space, from, 0, 8 * PAGE, HERE, RW);
    map(peer, to, 0, 8 * PAGE, 0x7000000, RW);
    put(from);
    put(to);
    assert_int_equal(space_prefault(space, HERE, 8 * PAGE, false), OK);
    assert_int_equal(space_prefault(peer, 0x7000000, 8 * PAGE, true), OK);
    machine_at_preempt = unmap_the_source;
    assert_int_equal(space_copy(peer, 0x7000000, space, HERE, 8 * PAGE, &bad_to), ERR_BAD_ADDRESS);
    assert_false(bad_to);
    drop_peer();
}

static void test_send_of_any_length_and_alignment(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {0, 1, 8, 9, 4095, 4096, 4097, 8192, 3 * 4096 + 5, 0x4000};
    static const uint64_t offsets[] = {0, 1, 4090};
    int outcome;
    make_peer();
    struct area *from = anonymous(8), *to = anonymous(8);
    map(space, from, 0, 8 * PAGE, HERE, RW);
    map(peer, to, 0, 8 * PAGE, 0x7000000, RW);
    current_space = space;
    assert_int_equal(space_prefault(space, HERE, 8 * PAGE, true), OK);
    assert_int_equal(space_prefault(peer, 0x7000000, 8 * PAGE, true), OK);
    for (uint64_t i = 0; i < 6 * PAGE; i++) {
        *(uint8_t *)cpu_access(space, HERE + i, ACCESS_WRITE, &outcome) = pattern(i);
    }
    for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
        for (size_t k = 0; k < 9; k++) {
            uint64_t from_at = offsets[k / 3], to_at = offsets[k % 3] + 1;
            vaddr_t after = 0x7000000 + to_at + lengths[i];
            *(uint8_t *)cpu_access(peer, after, ACCESS_WRITE, &outcome) = 0xcd;
            assert_true(space_send(peer, 0x7000000 + to_at, HERE + from_at, lengths[i]));
            for (uint64_t j = 0; j < lengths[i]; j++) {
                assert_int_equal(
                    *(uint8_t *)cpu_access(peer, 0x7000000 + to_at + j, ACCESS_READ, &outcome),
                    pattern(from_at + j));
            }
            assert_int_equal(*(uint8_t *)cpu_access(peer, after, ACCESS_READ, &outcome), 0xcd);
        }
    }
    put(from);
    put(to);
    drop_peer();
}

static void test_send_refuses_what_is_not_there(void **state)
{
    (void)state;
    make_peer();
    struct area *area = anonymous(8);
    map(space, area, 0, 4 * PAGE, HERE, RW);
    map(peer, area, 4 * PAGE, 2 * PAGE, 0x7000000, RW);
    map(peer, area, 6 * PAGE, PAGE, 0x7002000, PROT_READ);
    current_space = space;
    assert_int_equal(space_prefault(space, HERE, 2 * PAGE, true), OK);
    assert_int_equal(space_prefault(peer, 0x7000000, PAGE, true), OK);
    assert_int_equal(space_prefault(peer, 0x7002000, PAGE, false), OK);
    assert_true(space_send(peer, 0x7000000, HERE, PAGE));
    assert_false(space_send(peer, 0x7000000 + 8, HERE, PAGE));        /* second page not present */
    assert_false(space_send(peer, 0x7000000, HERE + PAGE + 8, PAGE)); /* nor the source's third */
    assert_false(space_send(peer, 0x7002000, HERE, 8));               /* read only */
    assert_false(space_send(peer, 0x7000000, KERNEL_IMAGE_BASE, 8));
    assert_false(space_send(peer, 0x7000000, ~7ull, 16));
    put(area);
    drop_peer();
}

static void test_residence_ends_with_the_pages(void **state)
{
    (void)state;
    struct area *area = anonymous(8);
    struct residence residence = {0};
    map(space, area, 0, 8 * PAGE, HERE, RW);
    assert_false(space_is_resident(space, &residence, HERE, 8));
    assert_int_equal(space_prefault_kept(space, &residence, HERE, 4 * PAGE), OK);
    assert_true(space_is_resident(space, &residence, HERE, 4 * PAGE));
    assert_true(space_is_resident(space, &residence, HERE, 8));
    assert_false(space_is_resident(space, &residence, HERE, 4 * PAGE + 1));
    assert_false(space_is_resident(space, &residence, HERE + 8, 8));
    store(space, HERE + 6 * PAGE, 1);
    assert_true(space_is_resident(space, &residence, HERE, 4 * PAGE));
    assert_int_equal(space_unmap(space, HERE + PAGE, PAGE), OK);
    assert_false(space_is_resident(space, &residence, HERE, 8));
    assert_int_equal(space_prefault_kept(space, &residence, HERE, 4 * PAGE), ERR_BAD_ADDRESS);
    assert_false(space_is_resident(space, &residence, HERE, 8));
    put(area);
}

/* ---- cores at the same time; the model TLB belongs to one thread, so these only use the page
 * tables ---- */

#define CORES 4u

static struct area *shared;

static void *fault_and_unmap(void *argument)
{
    unsigned cpu = (unsigned)(uintptr_t)argument;
    uint64_t seed = 31 + cpu, failures = 0;
    machine_set_cpu(cpu);
    for (unsigned round = 0; round < 300; round++) {
        vaddr_t own = 0;
        failures += map_view(space, shared, 0, 64 * PAGE, 0, RW, &own) != OK;
        for (unsigned i = 0; i < 64; i++) {
            vaddr_t va = HERE + random_next(&seed) % 64 * PAGE; /* where all cores fault */
            failures += space_fault(space, va, FAULT_USER | FAULT_WRITE) == FAULT_FAILED;
            failures += space_fault(space, own + i * PAGE, FAULT_USER) == FAULT_FAILED;
        }
        failures += space_unmap(space, own + 20 * PAGE, 10 * PAGE) != OK;
        failures += space_unmap(space, own, 64 * PAGE) != OK;
    }
    return (void *)(uintptr_t)failures;
}

static void run_cores(void *(*function)(void *))
{
    pthread_t threads[CORES];
    for (unsigned i = 0; i < CORES; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, function, (void *)(uintptr_t)(i + 1)),
                         0);
    }
    for (unsigned i = 0; i < CORES; i++) {
        void *failures;
        pthread_join(threads[i], &failures);
        assert_int_equal((uintptr_t)failures, 0);
    }
    for (unsigned i = 1; i <= CORES; i++) {
        machine_set_cpu(i);
        heap_trim();
    }
    machine_set_cpu(0);
}

static void test_faults_on_many_cores(void **state)
{
    (void)state;
    shared = anonymous(64);
    map(space, shared, 0, 64 * PAGE, HERE, RW);
    run_cores(fault_and_unmap);
    check_space();
    assert_int_equal(shared->resident,
                     64); /* each page got one frame, however many faulted for it */
    assert_int_equal(frame_count(FRAME_USER), 64);
    put(shared);
}

static void *copy_both_ways(void *argument)
{
    unsigned cpu = (unsigned)(uintptr_t)argument;
    uint64_t failures = 0;
    bool bad_to;
    machine_set_cpu(cpu);
    for (unsigned round = 0; round < 2000; round++) {
        if (cpu % 2) {
            failures +=
                space_copy(space, HERE + 8 * PAGE, peer, 0x7000000, 5 * PAGE, &bad_to) != OK;
        } else {
            failures +=
                space_copy(peer, 0x7000000 + 8 * PAGE, space, HERE, 5 * PAGE, &bad_to) != OK;
        }
    }
    return (void *)(uintptr_t)failures;
}

static void test_copies_in_both_directions_at_the_same_time(void **state)
{
    (void)state;
    make_peer();
    struct area *area = anonymous(32);
    map(space, area, 0, 16 * PAGE, HERE, RW);
    map(peer, area, 16 * PAGE, 16 * PAGE, 0x7000000, RW);
    assert_int_equal(space_prefault(space, HERE, 16 * PAGE, true), OK);
    assert_int_equal(space_prefault(peer, 0x7000000, 16 * PAGE, true), OK);
    run_cores(copy_both_ways); /* a wrong order would hang, and the rank check would say so */
    put(area);
    drop_peer();
}

static void test_check_notices_damage(void **state)
{
    (void)state;
    char why[100];
    struct area *area = anonymous(4);
    map(space, area, 0, 4 * PAGE, HERE, RW);
    store(space, HERE, 1);
    uint64_t page_bytes, *leaf = page_table_find(&space->table, HERE, &page_bytes), old = *leaf;
    *leaf = old ^ 0x1000;
    assert_false(space_check(space, why, sizeof(why)));
    assert_non_null(strstr(why, "another frame"));
    *leaf = old & ~PTE_NX;
    assert_false(space_check(space, why, sizeof(why)));
    assert_non_null(strstr(why, "V2: a leaf has other flags"));
    *leaf = old;
    struct mapping *mapping = space_first(space);
    mapping->end -= 4 * PAGE;
    assert_false(space_check(space, why, sizeof(why)));
    assert_non_null(strstr(why, "V1"));
    mapping->end += 4 * PAGE;
    frame_get(old & PTE_ADDRESS); /* as if another area had the page */
    assert_false(space_check(space, why, sizeof(why)));
    assert_non_null(strstr(why, "A4"));
    frame_put(old & PTE_ADDRESS);
    space->mapping_count++;
    assert_false(space_check(space, why, sizeof(why)));
    space->mapping_count--;
    check_space();
    put(area);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(test_map_arguments),
        CASE(test_read_only_areas_cannot_be_mapped_writable),
        CASE(test_every_protection_is_kept),
        CASE(test_new_pages_are_zero),
        CASE(test_create_touch_destroy_loops_lose_nothing),
        CASE(test_spaces_share_the_pages_of_an_area),
        CASE(test_one_space_can_map_an_area_twice),
        CASE(test_what_goes_on_becomes_one_mapping),
        CASE(test_what_is_there_is_shown_at_once),
        CASE(test_shared_pages_are_shown_read_only),
        CASE(test_chosen_addresses_keep_apart),
        CASE(test_choice_goes_around_obstacles_and_wraps),
        CASE(test_no_room_is_an_error),
        CASE(test_unmap_arguments),
        CASE(test_every_cut),
        CASE(test_unmap_over_many_mappings),
        CASE(test_an_untouched_mapping_needs_no_flush),
        CASE(test_long_unmap_lets_others_run),
        CASE(test_largest_pages_of_physical_memory),
        CASE(test_alignment_follows_the_memory),
        CASE(test_neighbours_are_mapped_along),
        CASE(test_device_memory_is_uncached),
        CASE(test_run_areas),
        CASE(test_faults_that_fail),
        CASE(test_who_loses_the_race_for_a_page_takes_the_winners),
        CASE(test_a_copy_loses_nothing_that_was_written_meanwhile),
        CASE(test_no_memory_at_any_point),
        CASE(test_a_space_destroyed_without_memory),
        CASE(test_all_memory_used_up),
        CASE(test_prefault),
        CASE(test_copy_of_any_length_and_alignment),
        CASE(test_copy_names_who_is_at_fault),
        CASE(test_copy_shows_hidden_pages_again),
        CASE(test_copy_within_one_space),
        CASE(test_copy_notices_what_was_unmapped_in_between),
        CASE(test_send_of_any_length_and_alignment),
        CASE(test_send_refuses_what_is_not_there),
        CASE(test_residence_ends_with_the_pages),
        CASE(test_faults_on_many_cores),
        CASE(test_copies_in_both_directions_at_the_same_time),
        CASE(test_check_notices_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
