/* SPDX-License-Identifier: MIT */
/* vm/area.c: sizes, the page index, who owns what, no memory. */
#include "vm/area.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "mm/frame.h"
#include "mm/heap_impl.h"
#include "tests/host/vm_support.h"

#define MIB  0x100000ull
#define PAGE ((uint64_t)PAGE_BYTES)

static uint64_t free_before;

static int begin(void **state)
{
    (void)state;
    machine_start_plain(32 * MIB);
    area_init();
    free_before = frames_not_used();
    return 0;
}

/* Everything is back, to the frame. */
static int end(void **state)
{
    (void)state;
    heap_trim();
    assert_holds(frame_check);
    assert_holds(heap_check);
    assert_int_equal(frames_not_used(), free_before);
    return 0;
}

/* H1 of object/handle.h: who looks a handle up while it is closed may hold a pointer to an area that is gone by now. */
static void test_what_is_gone_never_looks_alive(void **state)
{
    (void)state;
    struct area *area;
    void *blocks[256];
    assert_int_equal(area_create_anonymous(PAGE, 0, &area), OK);
    object_put(&area->object);
    heap_trim();
    for (unsigned i = 0; i < ARRAY_COUNT(blocks); i++) {
        blocks[i] = heap_alloc(sizeof(*area));
        memset(blocks[i], 0x11, sizeof(*area));
    }
    assert_false(object_try_get(&area->object));
    for (unsigned i = 0; i < ARRAY_COUNT(blocks); i++) {
        heap_free(blocks[i]);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        status_t anonymous, run;
    } rows[] = {
        {0, ERR_RANGE, ERR_RANGE},
        {1, ERR_RANGE, ERR_RANGE},
        {PAGE_BYTES - 1, ERR_RANGE, ERR_RANGE},
        {PAGE_BYTES, OK, OK},
        {PAGE_BYTES + 1, ERR_RANGE, ERR_RANGE},
        {5 * PAGE_BYTES, OK, OK},
        {64 * MIB, OK, ERR_NO_MEMORY},
        {AREA_BYTES_MAX, OK, ERR_RANGE},
        {AREA_BYTES_MAX + PAGE_BYTES, ERR_RANGE, ERR_RANGE},
        {~0ull - PAGE_BYTES + 1, ERR_RANGE, ERR_RANGE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct area *area = NULL;
        assert_int_equal(area_create_anonymous(rows[i].bytes, 0, &area), rows[i].anonymous);
        if (rows[i].anonymous == OK) {
            assert_int_equal(area_bytes(area), rows[i].bytes);
            assert_int_equal(area_physical(area), 0);
            assert_int_equal(area->object.type, OBJECT_AREA);
            object_put(&area->object);
        }
        assert_int_equal(area_create_run(rows[i].bytes, 0, &area), rows[i].run);
        if (rows[i].run == OK) {
            assert_int_equal(area_bytes(area), rows[i].bytes);
            assert_int_equal(frame_count(FRAME_USER), rows[i].bytes / PAGE);
            object_put(&area->object);
        }
    }
}

static void test_physical_ranges(void **state)
{
    (void)state;
    static const struct {
        paddr_t base;
        uint64_t bytes;
        status_t status;
        bool is_ram;
    } rows[] = {
        {MACHINE_IMAGE_BASE, MACHINE_IMAGE_BYTES, OK, true},
        {MACHINE_IMAGE_BASE, MACHINE_IMAGE_BYTES + PAGE_BYTES, OK, false},
        {MACHINE_IMAGE_BASE + 1, PAGE_BYTES, ERR_RANGE, false},
        {0xfee00000, PAGE_BYTES, OK, false},
        {PTE_ADDRESS, PAGE_BYTES, ERR_RANGE,
         false}, /* the last page of 52 bits: its end does not fit */
        {1ull << 52, PAGE_BYTES, ERR_RANGE, false},
        {~0ull - PAGE_BYTES + 1, PAGE_BYTES, ERR_RANGE, false},
        {0, 0, ERR_RANGE, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct area *area = NULL;
        assert_int_equal(
            area_create_physical(rows[i].base, rows[i].bytes, true, AREA_CACHE_WRITE_BACK, &area),
            rows[i].status);
        if (rows[i].status == OK) {
            assert_int_equal(area_physical(area), rows[i].base);
            assert_int_equal(area->is_ram, rows[i].is_ram);
            object_put(&area->object); /* not owned: nothing is freed, which would panic */
        }
    }
}

static void test_runs_are_zeroed(void **state)
{
    (void)state;
    for (uint64_t pages = 1; pages < 40; pages += 3) {
        struct area *area;
        assert_int_equal(area_create_run(pages * PAGE, 0, &area), OK);
        uint8_t *bytes = phys_to_virt(area_physical(area));
        for (uint64_t i = 0; i < pages * PAGE; i++) {
            assert_int_equal(bytes[i], 0);
        }
        memset(bytes, 0xff, pages * PAGE);
        object_put(&area->object);
    }
    assert_true(machine_preempts > 0);
}

/* What a fault does with a page of the index. */
static bool touch(struct area *area, uint64_t page)
{
    spinlock_acquire(&area->lock);
    uint64_t *slot = area_slot_locked(area, page);
    assert_int_equal(*slot, area_find(area, page));
    bool fresh = slot != NULL && *slot == 0;
    if (fresh) {
        area_own_frame(area, slot, frame_alloc_zeroed(FRAME_USER));
    }
    spinlock_release(&area->lock);
    return fresh;
}

static void test_page_index_of_every_depth(void **state)
{
    (void)state;
    static const struct {
        uint64_t pages;
        unsigned levels;
    } rows[] = {{1, 1},
                {2, 1},
                {255, 1},
                {256, 1},
                {511, 1},
                {512, 2},
                {513, 2},
                {262143, 2},
                {262144, 3},
                {262145, 3},
                {(1ull << 27) - 1, 3},
                {1ull << 27, 4}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct area *area;
        uint64_t pages = rows[i].pages, seed = i + 1;
        assert_int_equal(area_create_anonymous(pages * PAGE, 0, &area), OK);
        assert_int_equal(area->levels, rows[i].levels);
        uint64_t probes[] = {0,
                             pages - 1,
                             pages / 2,
                             MIN(511ull, pages - 1),
                             MIN(512ull, pages - 1),
                             random_next(&seed) % pages};
        for (size_t j = 0; j < ARRAY_COUNT(probes); j++) {
            (void)touch(area, probes[j]);
            assert_false(touch(area, probes[j]));
        }
        assert_int_equal(frame_count(FRAME_USER), area->resident);
        for (size_t j = 0; j < ARRAY_COUNT(probes); j++) {
            for (size_t k = 0; k < ARRAY_COUNT(probes); k++) {
                paddr_t a = area_find(area, probes[j]), b = area_find(area, probes[k]);
                assert_int_equal(a == b,
                                 probes[j] == probes[k]); /* a frame of its own for each page */
                assert_int_not_equal(a, 0);
            }
        }
        if (pages > 2000) {
            uint64_t heap_frames = frame_count(FRAME_HEAP);
            assert_int_equal(area_find(area, pages - 1 - 600), 0);
            assert_int_equal(frame_count(FRAME_HEAP), heap_frames); /* asking makes no node */
        }
        object_put(&area->object);
        assert_int_equal(frame_count(FRAME_USER), 0);
    }
}

static void test_a_full_area_comes_back_whole(void **state)
{
    (void)state;
    struct area *area;
    assert_int_equal(area_create_anonymous(3000 * PAGE, 0, &area), OK);
    for (uint64_t page = 0; page < 3000; page++) {
        assert_true(touch(area, page));
    }
    machine_preempts = 0;
    object_put(&area->object);
    assert_true(machine_preempts >= 3000 / 64 - 1); /* others were let in between */
}

static void test_no_memory(void **state)
{
    (void)state;
    struct area *area = NULL;
    machine_fail_at = 1;
    assert_int_equal(area_create_anonymous(PAGE, 0, &area), ERR_NO_MEMORY);
    machine_fail_at = 1;
    assert_int_equal(area_create_physical(0, PAGE, true, AREA_CACHE_UNCACHED, &area),
                     ERR_NO_MEMORY);
    for (unsigned fail_at = 1; fail_at <= 2; fail_at++) {
        machine_fail_at = fail_at;
        assert_int_equal(area_create_run(16 * PAGE, 0, &area), ERR_NO_MEMORY);
    }
    assert_null(area); /* out is written only on OK */
    assert_int_equal(area_create_anonymous(((1ull << 27) - 1) * PAGE, 0, &area), OK);
    for (unsigned node = 0; node < 3;
         node++) { /* each node of the path; those before it stay for the next try */
        machine_fail_at = node == 0 ? 1 : 2;
        assert_null(area_slot_locked(area, 77));
        machine_fail_at = 0;
        heap_trim();
    }
    assert_non_null(area_slot_locked(area, 77));
    object_put(&area->object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sizes, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_gone_never_looks_alive, begin, end),
        cmocka_unit_test_setup_teardown(test_physical_ranges, begin, end),
        cmocka_unit_test_setup_teardown(test_runs_are_zeroed, begin, end),
        cmocka_unit_test_setup_teardown(test_page_index_of_every_depth, begin, end),
        cmocka_unit_test_setup_teardown(test_a_full_area_comes_back_whole, begin, end),
        cmocka_unit_test_setup_teardown(test_no_memory, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
