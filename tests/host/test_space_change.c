/* SPDX-License-Identifier: MIT */
/* vm/: what areas and mappings can become: clones, another length or protection, large pages, rings,
 * guards, cache types; case by case, and from several cores. */
#include <pthread.h>
#include <sched.h>
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

#define MIB   0x100000ull
#define PAGE  ((uint64_t)PAGE_BYTES)
#define LARGE ((uint64_t)LARGE_PAGE_BYTES)
#define HERE  0x40000000ull
#define THERE 0x80000000ull
#define RW    (PROT_READ | PROT_WRITE)
#define RX    (PROT_READ | PROT_EXEC)

static struct space *space;
static uint64_t free_before;

static int begin(void **state)
{
    (void)state;
    machine_start_plain(64 * MIB);
    area_init();
    space_init();
    tlb_model_reset();
    free_before = frames_not_used();
    assert_int_equal(space_create(&space), OK);
    return 0;
}

static void check_space(void)
{
    char why[100];
    if (!space_check(space, why, sizeof(why))) {
        fail_msg("%s", why);
    }
    tlb_model_check();
}

static int end(void **state)
{
    (void)state;
    check_space();
    space_destroy(space);
    heap_trim();
    assert_holds(frame_check);
    assert_holds(heap_check);
    assert_int_equal(frames_not_used(), free_before);
    return 0;
}

static struct area *anonymous(uint64_t bytes, unsigned flags)
{
    struct area *area;
    assert_int_equal(area_create_anonymous(bytes, flags, &area), OK);
    return area;
}

static vaddr_t map(struct area *area, uint64_t offset, uint64_t bytes, vaddr_t va,
                   unsigned protection)
{
    vaddr_t got;
    assert_int_equal(map_view(space, area, offset, bytes, va, protection, &got), OK);
    return got;
}

static int outcome_of(vaddr_t va, enum access access)
{
    int outcome;
    (void)cpu_access(space, va, access, &outcome);
    return outcome;
}

static uint64_t load(vaddr_t va)
{
    int outcome;
    uint64_t *p = cpu_access(space, va, ACCESS_READ, &outcome);
    assert_non_null(p);
    return *p;
}

static void store(vaddr_t va, uint64_t value)
{
    int outcome;
    uint64_t *p = cpu_access(space, va, ACCESS_WRITE, &outcome);
    assert_non_null(p);
    *p = value;
}

static struct area *clone_of(struct area *area, uint64_t offset, uint64_t bytes)
{
    struct area *clone;
    assert_int_equal(area_clone(area, offset, bytes, &clone), OK);
    return clone;
}

static void put(struct area *area)
{
    object_put(&area->object);
}

/* ---- clones ---- */

static void test_a_clone_is_copied_when_either_side_writes(void **state)
{
    (void)state;
    struct area *area = anonymous(8 * PAGE, 0);
    map(area, 0, 8 * PAGE, HERE, RW);
    for (unsigned i = 0; i < 6; i++) {
        store(HERE + i * PAGE, 100 + i);
    }
    uint64_t frames = frame_count(FRAME_USER);
    struct area *clone = clone_of(area, 0, 8 * PAGE);
    map(clone, 0, 8 * PAGE, THERE, RW);
    assert_int_equal(frame_count(FRAME_USER), frames); /* nothing is copied yet */
    assert_int_equal(load(THERE + 2 * PAGE), 102);
    check_space();
    store(HERE, 1);
    store(THERE + PAGE, 2);
    assert_int_equal(frame_count(FRAME_USER), frames + 2);
    assert_int_equal(load(HERE), 1);
    assert_int_equal(load(THERE), 100);
    assert_int_equal(load(HERE + PAGE), 101);
    assert_int_equal(load(THERE + PAGE), 2);
    /* Pages that neither had are each one's own. */
    store(HERE + 7 * PAGE, 7);
    assert_int_equal(load(THERE + 7 * PAGE), 0);
    check_space();
    put(area);
    put(clone);
}

static void test_who_keeps_the_frame_last_just_writes(void **state)
{
    (void)state;
    struct area *area = anonymous(PAGE, 0);
    map(area, 0, PAGE, HERE, RW);
    store(HERE, 5);
    struct area *clone = clone_of(area, 0, PAGE);
    assert_int_equal(load(HERE), 5);
    assert_int_equal(outcome_of(HERE, ACCESS_READ), -1);
    put(clone);
    uint64_t frames = frame_count(FRAME_USER);
    assert_int_equal(outcome_of(HERE, ACCESS_WRITE), FAULT_MAPPED);
    assert_int_equal(frame_count(FRAME_USER), frames);
    assert_int_equal(load(HERE), 5);
    put(area);
}

static void test_all_who_map_an_area_see_its_new_page(void **state)
{
    (void)state;
    struct area *area = anonymous(4 * PAGE, 0);
    map(area, 0, 4 * PAGE, HERE, RW);
    map(area, PAGE, 2 * PAGE, THERE, RW);
    store(HERE + PAGE, 5);
    struct area *clone = clone_of(area, PAGE, PAGE);
    assert_int_equal(load(THERE), 5);
    assert_int_equal(outcome_of(HERE + PAGE, ACCESS_WRITE), FAULT_COPIED);
    store(HERE + PAGE, 6);
    assert_int_equal(load(THERE), 6); /* its old leaf is gone */
    map(clone, 0, PAGE, THERE + 4 * PAGE, PROT_READ);
    assert_int_equal(load(THERE + 4 * PAGE), 5);
    put(area);
    put(clone);
}

static void test_clones_of_clones(void **state)
{
    (void)state;
    struct area *area[5] = {anonymous(2 * PAGE, 0)};
    map(area[0], 0, 2 * PAGE, HERE, RW);
    store(HERE, 1);
    for (unsigned i = 1; i < 5; i++) {
        area[i] = clone_of(area[i - 1], 0, 2 * PAGE);
        map(area[i], 0, 2 * PAGE, HERE + i * MIB, RW);
        store(HERE + i * MIB, i + 1);
    }
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(load(HERE + i * MIB), i + 1);
        put(area[i]);
    }
    assert_int_equal(frame_count(FRAME_USER), 5);
}

static void test_an_image_is_copied_page_by_page(void **state)
{
    (void)state;
    uint8_t *image = phys_to_virt(MACHINE_IMAGE_BASE);
    memset(image, 0x77, 8 * PAGE);
    struct area *file, *data;
    assert_int_equal(
        area_create_physical(MACHINE_IMAGE_BASE, 8 * PAGE, false, AREA_CACHE_WRITE_BACK, &file),
        OK);
    data = clone_of(file, 2 * PAGE, 4 * PAGE);
    struct area *second = clone_of(data, PAGE, 2 * PAGE);
    put(file);
    map(data, 0, 4 * PAGE, HERE, RW);
    map(second, 0, 2 * PAGE, THERE, RW);
    assert_int_equal(load(HERE + PAGE), 0x7777777777777777ull);
    assert_int_equal(frame_count(FRAME_USER), 0);
    store(HERE + PAGE, 1);
    store(THERE + 8, 2);
    assert_int_equal(frame_count(FRAME_USER), 2);
    assert_int_equal(load(HERE + PAGE + 8), 0x7777777777777777ull);
    assert_int_equal(load(THERE), 0x7777777777777777ull);
    assert_int_equal(*(uint64_t *)(image + 3 * PAGE), 0x7777777777777777ull);
    put(data);
    put(second);
}

static void test_what_cannot_be_cloned_or_resized(void **state)
{
    (void)state;
    struct area *area, *out = NULL, *ring = anonymous(PAGE, AREA_RING);
    assert_int_equal(area_create_run(PAGE, 0, &area), OK);
    assert_int_equal(area_clone(area, 0, PAGE, &out), ERR_NOT_SUPPORTED);
    assert_int_equal(area_clone(ring, 0, PAGE, &out), ERR_NOT_SUPPORTED);
    assert_int_equal(area_resize(area, 2 * PAGE), ERR_NOT_SUPPORTED);
    assert_int_equal(area_resize(ring, 2 * PAGE), ERR_NOT_SUPPORTED);
    put(area);
    put(ring);
    area = anonymous(4 * PAGE, 0);
    assert_int_equal(area_clone(area, 0, 5 * PAGE, &out), ERR_RANGE);
    assert_int_equal(area_clone(area, 1, PAGE, &out), ERR_RANGE);
    assert_int_equal(area_clone(area, 0, 0, &out), ERR_RANGE);
    assert_int_equal(area_resize(area, 0), ERR_RANGE);
    assert_int_equal(area_resize(area, PAGE + 1), ERR_RANGE);
    assert_null(out);
    put(area);
}

/* ---- another length ---- */

static void test_lengths_up_and_down(void **state)
{
    (void)state;
    static const uint64_t pages[] = {1, 3, 255, 256, 600, 300, 513, 512, 5, 262144 + 7, 2, 1};
    struct area *area = anonymous(PAGE, 0);
    map(area, 0, PAGE, HERE, RW);
    store(HERE, 42);
    for (unsigned i = 0; i < ARRAY_COUNT(pages); i++) {
        assert_int_equal(area_resize(area, pages[i] * PAGE), OK);
        assert_int_equal(area_bytes(area), pages[i] * PAGE);
        assert_int_equal(load(HERE), 42);
        vaddr_t last = map(area, (pages[i] - 1) * PAGE, PAGE, 0, RW);
        store(last + 8, pages[i]);
        assert_int_equal(load(last + 8), pages[i]);
        check_space();
    }
    put(area);
}

static void test_what_is_cut_off_is_gone_and_comes_back_empty(void **state)
{
    (void)state;
    struct area *area = anonymous(8 * PAGE, 0);
    map(area, 0, 8 * PAGE, HERE, RW);
    for (unsigned i = 0; i < 8; i++) {
        store(HERE + i * PAGE, 1);
    }
    assert_int_equal(area_resize(area, 3 * PAGE), OK);
    assert_int_equal(frame_count(FRAME_USER), 3);
    assert_int_equal(outcome_of(HERE + 3 * PAGE, ACCESS_READ), FAULT_FAILED);
    assert_int_equal(area_resize(area, 8 * PAGE), OK);
    assert_int_equal(load(HERE + 3 * PAGE), 0);
    assert_int_equal(load(HERE + 2 * PAGE), 1);
    put(area);
}

/* ---- large pages ---- */

static void test_a_large_page_by_itself_where_it_fits(void **state)
{
    (void)state;
    struct area *area = anonymous(3 * LARGE, 0);
    vaddr_t va = map(area, 0, 3 * LARGE, 0, RW);
    assert_int_equal(va % LARGE, 0);
    assert_int_equal(outcome_of(va + LARGE + 5 * PAGE, ACCESS_WRITE), FAULT_LARGE);
    assert_int_equal(frame_count(FRAME_USER), 512);
    assert_int_equal(outcome_of(va + 2 * LARGE - 1, ACCESS_WRITE), -1);
    assert_int_equal(load(va + 2 * LARGE - 8), 0);
    vaddr_t odd = map(area, PAGE, LARGE, THERE, RW);
    assert_int_equal(outcome_of(odd, ACCESS_READ), FAULT_ZEROED); /* not aligned to it */
    assert_int_equal(outcome_of(va, ACCESS_READ), FAULT_ZEROED);  /* some of it is there */
    check_space();
    put(area);
}

static void test_a_large_page_is_split_and_comes_together_again(void **state)
{
    (void)state;
    struct area *area = anonymous(2 * LARGE, 0);
    vaddr_t va = map(area, 0, 2 * LARGE, 0, RW);
    store(va + 7 * PAGE, 7);
    assert_int_equal(space_protect(space, va + 9 * PAGE, PAGE, PROT_READ), OK);
    assert_int_equal(outcome_of(va + 9 * PAGE, ACCESS_WRITE), FAULT_FAILED);
    assert_int_equal(outcome_of(va + 8 * PAGE, ACCESS_WRITE), FAULT_MAPPED);
    assert_int_equal(load(va + 7 * PAGE), 7);
    assert_int_equal(space->mapping_count, 3);
    check_space();
    assert_int_equal(space_protect(space, va + 9 * PAGE, PAGE, RW), OK);
    assert_int_equal(space->mapping_count, 1);
    assert_int_equal(outcome_of(va + 9 * PAGE, ACCESS_WRITE), FAULT_LARGE);
    assert_int_equal(outcome_of(va + LARGE - 1, ACCESS_WRITE), -1);
    assert_int_equal(load(va + 7 * PAGE), 7);
    check_space();
    assert_int_equal(space_unmap(space, va + 3 * PAGE, PAGE), OK);
    assert_int_equal(load(va + 7 * PAGE), 7);
    check_space();
    put(area);
}

static void test_a_large_page_that_is_cloned_or_cut_is_split(void **state)
{
    (void)state;
    struct area *area = anonymous(2 * LARGE, 0);
    vaddr_t va = map(area, 0, 2 * LARGE, 0, RW);
    store(va + 7 * PAGE, 7);
    struct area *clone = clone_of(area, 0, LARGE);
    vaddr_t copy = map(clone, 0, LARGE, 0, RW);
    store(va + 7 * PAGE, 8);
    assert_int_equal(load(copy + 7 * PAGE), 7);
    assert_int_equal(frame_count(FRAME_USER), 513);
    put(clone);
    assert_int_equal(outcome_of(va + LARGE, ACCESS_WRITE), FAULT_LARGE);
    assert_int_equal(area_resize(area, LARGE + 5 * PAGE), OK);
    assert_int_equal(outcome_of(va + LARGE + 5 * PAGE, ACCESS_READ), FAULT_FAILED);
    assert_int_equal(load(va + LARGE + 4 * PAGE), 0);
    put(area);
}

static void test_small_pages_when_there_is_no_large_one(void **state)
{
    (void)state;
    struct area *hog, *area = anonymous(2 * LARGE, 0);
    vaddr_t va = map(area, 0, 2 * LARGE, 0, RW);
    assert_int_equal(area_create_run(32 * MIB, 0, &hog), OK);
    paddr_t pieces[40];
    unsigned count = 0;
    while (count < 40 && (pieces[count] = frame_alloc(9, FRAME_USER)) != 0) {
        count++;
    }
    assert_true(count < 40);
    assert_int_equal(outcome_of(va, ACCESS_WRITE), FAULT_ZEROED);
    while (count > 0) {
        frame_free(pieces[--count], 9);
    }
    put(hog);
    put(area);
}

static void test_a_gigabyte_page_on_request(void **state)
{
    (void)state;
    struct area *area = NULL;
    assert_int_equal(area_create_run(LARGE, AREA_HUGE, &area), ERR_RANGE);
    assert_int_equal(area_create_physical(8ull << 30, 2ull << 30, true, AREA_CACHE_UNCACHED, &area),
                     OK);
    vaddr_t va = map(area, 0, 2ull << 30, 1ull << 40, RW);
    assert_int_equal(outcome_of(va, ACCESS_READ), FAULT_LARGE);
    uint64_t page_bytes;
    assert_non_null(page_table_find(&space->table, va, &page_bytes));
    assert_int_equal(page_bytes, LARGE); /* nobody asked for more */
    area->is_huge = true;
    assert_int_equal(outcome_of(va + (1ull << 30), ACCESS_READ), FAULT_LARGE);
    assert_non_null(page_table_find(&space->table, va + (1ull << 30), &page_bytes));
    assert_int_equal(page_bytes, 1ull << 30);
    put(area);
}

/* ---- protection, guards, rings, cache types ---- */

static void test_protection_within_what_was_allowed(void **state)
{
    (void)state;
    struct area *area = anonymous(4 * PAGE, 0);
    const struct space_view view = {
        .area = area, .bytes = 4 * PAGE, .protection = RW, .allowed = RW};
    vaddr_t va;
    assert_int_equal(space_map(space, &view, HERE, &va), OK);
    store(HERE, 1);
    assert_int_equal(space_protect(space, HERE, PAGE, RX), ERR_NO_RIGHTS);
    assert_int_equal(space_protect(space, HERE, PAGE, PROT_WRITE | PROT_EXEC), ERR_BAD_ARGUMENT);
    assert_int_equal(space_protect(space, HERE, PAGE, 0), ERR_BAD_ARGUMENT);
    assert_int_equal(space_protect(space, HERE, 1, RW), ERR_RANGE);
    assert_int_equal(space_protect(space, HERE, 5 * PAGE, PROT_READ), ERR_NOT_FOUND);
    assert_int_equal(outcome_of(HERE, ACCESS_WRITE), -1); /* nothing has changed */
    assert_int_equal(space_protect(space, HERE, PAGE, PROT_READ), OK);
    assert_int_equal(outcome_of(HERE, ACCESS_WRITE), FAULT_FAILED);
    assert_int_equal(load(HERE), 1);
    struct space_mapping found;
    assert_int_equal(space_query(space, HERE + PAGE + 5, &found), OK);
    assert_true(found.start == HERE + PAGE && found.bytes == 3 * PAGE && found.protection == RW);
    assert_int_equal(space_query(space, HERE + 4 * PAGE, &found), ERR_NOT_FOUND);
    put(area);
}

static void test_a_guard_keeps_its_page_and_speaks(void **state)
{
    (void)state;
    struct area *area = anonymous(4 * PAGE, 0);
    vaddr_t va = map(area, 0, 2 * PAGE, HERE, RW | MAP_GUARD), got;
    assert_int_equal(outcome_of(va, ACCESS_WRITE), FAULT_ZEROED);
    assert_int_equal(outcome_of(va - 8, ACCESS_WRITE), FAULT_GUARD);
    assert_int_equal(map_view(space, area, 0, PAGE, va - PAGE, RW, &got), ERR_BUSY);
    assert_int_equal(space_protect(space, va - PAGE, 2 * PAGE, PROT_READ), ERR_NOT_FOUND);
    struct space_mapping found;
    assert_int_equal(space_query(space, va - PAGE, &found), OK);
    assert_int_equal(found.protection, 0);
    map(area, 0, PAGE, THERE, RW);
    assert_int_equal(map_view(space, area, 0, PAGE, THERE + PAGE, RW | MAP_GUARD, &got), ERR_BUSY);
    assert_int_equal(map_view(space, area, 0, PAGE, USER_BASE, RW | MAP_GUARD, &got), ERR_RANGE);
    for (unsigned at = 1; at <= 2; at++) {
        machine_fail_at = at;
        assert_int_equal(map_view(space, area, 0, PAGE, 0, RW | MAP_GUARD, &got), ERR_NO_MEMORY);
    }
    machine_fail_at = 0;
    assert_int_equal(space_unmap(space, va - PAGE, PAGE), OK);
    assert_int_equal(outcome_of(va - 8, ACCESS_WRITE), FAULT_FAILED);
    put(area);
}

static void test_a_ring_wraps_around(void **state)
{
    (void)state;
    struct area *rings[2] = {anonymous(3 * PAGE, AREA_RING)};
    assert_int_equal(area_create_run(3 * PAGE, AREA_RING, &rings[1]), OK);
    for (unsigned i = 0; i < 2; i++) {
        vaddr_t va = map(rings[i], 0, 6 * PAGE, 0, RW), got;
        for (unsigned page = 0; page < 3; page++) {
            store(va + page * PAGE + 16, page + 1);
            assert_int_equal(load(va + (page + 3) * PAGE + 16), page + 1);
            store(va + (page + 3) * PAGE, page + 10);
            assert_int_equal(load(va + page * PAGE), page + 10);
        }
        assert_int_equal(map_view(space, rings[i], 0, 7 * PAGE, 0, RW, &got), ERR_RANGE);
        check_space();
        put(rings[i]);
    }
    assert_int_equal(frame_count(FRAME_USER), 6);
}

static void test_cache_types_reach_the_leaves(void **state)
{
    (void)state;
    static const struct {
        enum area_cache cache;
        uint64_t flags;
    } rows[] = {{AREA_CACHE_WRITE_BACK, 0},
                {AREA_CACHE_UNCACHED, PTE_PCD | PTE_PWT},
                {AREA_CACHE_WRITE_COMBINING, PTE_PWT}};
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        struct area *area;
        uint64_t page_bytes;
        assert_int_equal(area_create_physical(8ull << 30, LARGE, true, rows[i].cache, &area), OK);
        vaddr_t va = map(area, 0, LARGE, 0, RW);
        assert_int_equal(outcome_of(va, ACCESS_WRITE), FAULT_LARGE);
        assert_int_equal(*page_table_find(&space->table, va, &page_bytes) & (PTE_PCD | PTE_PWT),
                         rows[i].flags);
        put(area);
    }
}

/* ---- cores ---- */

#define CORES  4u
#define PAGES  64u
#define ROUNDS 400u

static struct area *contested;
static atomic_uint wrong;

/* One core clones and looks at the clone, others write to the pages: a clone never changes once
 * made, and no write is lost. */
static void *write_pages(void *argument)
{
    unsigned cpu = (unsigned)(uintptr_t)argument;
    machine_set_cpu(cpu);
    uint64_t seed = cpu;
    for (unsigned i = 0; i < ROUNDS * 20; i++) {
        vaddr_t va = HERE + random_next(&seed) % PAGES * PAGE;
        wrong += !fault_is_served(space_fault(space, va, FAULT_USER | FAULT_WRITE));
        core_poll();
    }
    return NULL;
}

static void *clone_pages(void *argument)
{
    machine_set_cpu((unsigned)(uintptr_t)argument);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct area *clone;
        wrong += area_clone(contested, 0, PAGES * PAGE, &clone) != OK;
        vaddr_t va;
        wrong += map_view(space, clone, 0, PAGES * PAGE, 0, RW, &va) != OK;
        for (unsigned page = 0; page < PAGES; page += 3) {
            wrong += !fault_is_served(
                space_fault(space, va + page * PAGE, FAULT_USER | (i % 2 ? FAULT_WRITE : 0)));
        }
        wrong += space_unmap(space, va, PAGES * PAGE) != OK;
        object_put(&clone->object);
    }
    return NULL;
}

static void *protect_pages(void *argument)
{
    machine_set_cpu((unsigned)(uintptr_t)argument);
    for (unsigned i = 0; i < ROUNDS; i++) {
        vaddr_t va;
        wrong += map_view(space, contested, 0, PAGES * PAGE, 0, RW, &va) != OK;
        wrong += space_protect(space, va + PAGE, 5 * PAGE, PROT_READ) != OK;
        wrong += !fault_is_served(space_fault(space, va + 2 * PAGE, FAULT_USER));
        wrong += space_protect(space, va + PAGE, 5 * PAGE, RW) != OK;
        wrong += space_unmap(space, va, PAGES * PAGE) != OK;
    }
    return NULL;
}

static void test_cores_clone_write_and_protect_at_the_same_time(void **state)
{
    (void)state;
    void *(*const roles[CORES])(void *) = {write_pages, clone_pages, protect_pages, write_pages};
    pthread_t threads[CORES];
    contested = anonymous(PAGES * PAGE, 0);
    map(contested, 0, PAGES * PAGE, HERE, RW);
    atomic_store(&wrong, 0);
    machine_cores_run = true;
    tlb_model_off = true;
    for (unsigned i = 0; i < CORES; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, roles[i], (void *)(uintptr_t)(i + 1)),
                         0);
    }
    for (unsigned i = 0; i < CORES; i++) {
        pthread_join(threads[i], NULL);
    }
    machine_cores_run = false;
    tlb_model_off = false;
    for (unsigned i = 1; i <= CORES; i++) {
        machine_set_cpu(i);
        heap_trim();
    }
    machine_set_cpu(0);
    assert_int_equal(atomic_load(&wrong), 0);
    check_space();
    put(contested);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(test_a_clone_is_copied_when_either_side_writes),
        CASE(test_who_keeps_the_frame_last_just_writes),
        CASE(test_all_who_map_an_area_see_its_new_page),
        CASE(test_clones_of_clones),
        CASE(test_an_image_is_copied_page_by_page),
        CASE(test_what_cannot_be_cloned_or_resized),
        CASE(test_lengths_up_and_down),
        CASE(test_what_is_cut_off_is_gone_and_comes_back_empty),
        CASE(test_a_large_page_by_itself_where_it_fits),
        CASE(test_a_large_page_is_split_and_comes_together_again),
        CASE(test_a_large_page_that_is_cloned_or_cut_is_split),
        CASE(test_small_pages_when_there_is_no_large_one),
        CASE(test_a_gigabyte_page_on_request),
        CASE(test_protection_within_what_was_allowed),
        CASE(test_a_guard_keeps_its_page_and_speaks),
        CASE(test_a_ring_wraps_around),
        CASE(test_cache_types_reach_the_leaves),
        CASE(test_cores_clone_write_and_protect_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
