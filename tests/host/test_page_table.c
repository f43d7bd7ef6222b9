/* SPDX-License-Identifier: MIT */
/* mm/page_table.c: random mapping against a model of pages, holes, shared upper half,
 * exhaustion. */
#include "mm/page_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/frame.h"
#include "mm/frame_impl.h"
#include "tests/host/mm_support.h"

#define MIB 0x100000ull

static struct page_table table;
static uint64_t frames_before;

static int begin(void **state)
{
    (void)state;
    machine_start_plain(16 * MIB);
    frames_before = frame_count(FRAME_PAGE_TABLE);
    assert_int_equal(page_table_create(&table), OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    page_table_destroy(&table);
    assert_int_equal(frame_count(FRAME_PAGE_TABLE), frames_before);
    assert_holds(frame_check);
    return 0;
}

static unsigned clear(vaddr_t va, vaddr_t limit)
{
    unsigned leaves = 0;
    struct list tables = LIST_INIT(tables);
    while (va < limit) {
        vaddr_t next = page_table_clear(&table, va, limit, &tables, &leaves);
        assert_true(next > va && next <= limit);
        va = next;
    }
    page_table_free_tables(&tables);
    return leaves;
}

static void test_upper_half_is_the_kernels(void **state)
{
    (void)state;
    const uint64_t *root = phys_to_virt(table.root), *kernel = phys_to_virt(kernel_page_table.root);
    for (unsigned i = 0; i < 256; i++) {
        assert_int_equal(root[i], 0);
        assert_int_equal(root[256 + i], kernel[256 + i]);
    }
    assert_int_not_equal(root[256], 0);
}

static void test_entries_say_what_was_asked_for(void **state)
{
    (void)state;
    static const struct {
        vaddr_t va;
        paddr_t pa;
        uint64_t bytes, flags;
    } rows[] = {
        {USER_BASE, 0x5000, PAGE_BYTES, PTE_USER | PTE_NX},
        {USER_END - PAGE_BYTES, 0xffffffffff000, PAGE_BYTES, PTE_USER | PTE_WRITE | PTE_NX},
        {0x40000000, 0x80000000, HUGE_PAGE_BYTES, PTE_USER | PTE_WRITE | PTE_NX},
        {0x200000, 0x400000, LARGE_PAGE_BYTES, PTE_USER},
        {0x7f0000000000, 0xfee00000, PAGE_BYTES,
         PTE_USER | PTE_WRITE | PTE_NX | PTE_PCD | PTE_SOFT_NO_COPY},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        assert_int_equal(
            page_table_map(&table, rows[i].va, rows[i].pa, rows[i].bytes, rows[i].flags), OK);
    }
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        uint64_t bytes, large = rows[i].bytes > PAGE_BYTES ? PTE_LARGE : 0;
        for (uint64_t offset = 0; offset < rows[i].bytes; offset += MAX(rows[i].bytes / 2, 1ull)) {
            const uint64_t *leaf = page_table_find(&table, rows[i].va + offset, &bytes);
            assert_non_null(leaf);
            assert_int_equal(bytes, rows[i].bytes);
            assert_true(*leaf == (rows[i].pa | rows[i].flags | PTE_PRESENT | large));
        }
        assert_null(page_table_find(&table, rows[i].va + rows[i].bytes, &bytes));
        assert_null(page_table_find(&table, rows[i].va - 1, &bytes));
    }
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        uint64_t bytes;
        assert_true((page_table_unmap(&table, rows[i].va + 5, &bytes) & PTE_ADDRESS) == rows[i].pa);
        assert_int_equal(bytes, rows[i].bytes);
        assert_int_equal(page_table_unmap(&table, rows[i].va, &bytes), 0);
    }
}

static void test_what_is_there_stays(void **state)
{
    (void)state;
    uint64_t bytes;
    assert_int_equal(page_table_map(&table, 0x200000, 0x400000, LARGE_PAGE_BYTES, PTE_USER), OK);
    assert_int_equal(page_table_map(&table, 0x3ff000, 0x1000, PAGE_BYTES, PTE_USER),
                     ERR_BUSY); /* inside of a large leaf */
    assert_int_equal(page_table_map(&table, 0x200000, 0x800000, LARGE_PAGE_BYTES, PTE_USER),
                     ERR_BUSY);
    assert_int_equal(page_table_map(&table, 0x400000, 0x1000, PAGE_BYTES, PTE_USER), OK);
    assert_int_equal(page_table_map(&table, 0x400000, 0x2000, PAGE_BYTES, PTE_USER), ERR_BUSY);
    assert_int_equal(page_table_map(&table, 0x400000, 0x200000, LARGE_PAGE_BYTES, PTE_USER),
                     ERR_BUSY); /* over small ones */
    assert_int_equal(*page_table_find(&table, 0x400000, &bytes) & PTE_ADDRESS, 0x1000);
    assert_int_equal(*page_table_find(&table, 0x200000, &bytes) & PTE_ADDRESS, 0x400000);
    assert_int_equal(clear(USER_BASE, USER_END), 2);
}

static void test_tables_go_when_they_are_empty(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        vaddr_t va = 0x1000ull + round * 0x123456789000ull % USER_END / 2 / PAGE_BYTES * PAGE_BYTES;
        assert_int_equal(page_table_map(&table, va, 0x1000, PAGE_BYTES, PTE_USER), OK);
        assert_int_equal(page_table_map(&table, va + PAGE_BYTES, 0x2000, PAGE_BYTES, PTE_USER), OK);
        assert_int_equal(clear(va, va + PAGE_BYTES), 1);
        assert_false(page_table_has_empty(&table));
        assert_true(frame_count(FRAME_PAGE_TABLE) > frames_before + 1);
        assert_int_equal(clear(va + PAGE_BYTES, va + 2 * PAGE_BYTES), 1);
        assert_int_equal(frame_count(FRAME_PAGE_TABLE), frames_before + 1);
    }
}

static void test_leaves_around_take_no_memory_and_leave_what_is_there(void **state)
{
    (void)state;
    const vaddr_t base = 0x7654320000;
    uint64_t bytes;
    page_table_map_around(&table, base, base + 16 * PAGE_BYTES, 0x100000, PTE_USER);
    assert_null(page_table_find(&table, base, &bytes)); /* there is no table */
    assert_int_equal(page_table_map(&table, base + 3 * PAGE_BYTES, 0x1000, PAGE_BYTES, PTE_USER),
                     OK);
    uint64_t tables = frame_count(FRAME_PAGE_TABLE);
    page_table_map_around(&table, base + PAGE_BYTES, base + 16 * PAGE_BYTES, 0x101000, PTE_USER);
    assert_int_equal(frame_count(FRAME_PAGE_TABLE), tables);
    assert_null(page_table_find(&table, base, &bytes));
    for (unsigned i = 1; i < 16; i++) {
        const uint64_t *leaf = page_table_find(&table, base + i * PAGE_BYTES, &bytes);
        assert_true(*leaf ==
                    ((i == 3 ? 0x1000 : 0x100000 + i * PAGE_BYTES) | PTE_USER | PTE_PRESENT));
    }
    assert_false(page_table_has_empty(&table));
    assert_int_equal(clear(USER_BASE, USER_END), 15);
}

/* P1: what the count does not tell of would be skipped when leaves are taken out. */
static void test_a_lost_note_is_found(void **state)
{
    (void)state;
    uint64_t bytes;
    assert_int_equal(page_table_map(&table, 0x7000, 0x1000, PAGE_BYTES, PTE_USER), OK);
    struct frame *frame = frame_of(virt_to_phys(page_table_find(&table, 0x7000, &bytes)));
    uint64_t data = frame->data;
    frame->data = (uint32_t)data;
    assert_true(page_table_has_empty(&table));
    frame->data = data;
    assert_false(page_table_has_empty(&table));
    assert_int_equal(clear(USER_BASE, USER_END), 1);
}

static void test_clear_skips_holes(void **state)
{
    (void)state;
    assert_int_equal(page_table_map(&table, USER_END - PAGE_BYTES, 0x1000, PAGE_BYTES, PTE_USER),
                     OK);
    unsigned leaves = 0, steps = 0;
    struct list tables = LIST_INIT(tables);
    for (vaddr_t va = USER_BASE; va < USER_END; steps++) {
        va = page_table_clear(&table, va, USER_END, &tables, &leaves);
    }
    page_table_free_tables(&tables);
    assert_int_equal(leaves, 1);
    assert_true(steps < 255 + 511 + 511 + 2);
}

static void test_clear_of_a_part_takes_a_large_leaf_whole(void **state)
{
    (void)state;
    uint64_t bytes;
    assert_int_equal(page_table_map(&table, 0x40000000, 0, HUGE_PAGE_BYTES, PTE_USER), OK);
    assert_int_equal(page_table_map(&table, 0x200000, 0, LARGE_PAGE_BYTES, PTE_USER), OK);
    assert_int_equal(clear(0x201000, 0x202000), 1);
    assert_null(page_table_find(&table, 0x200000, &bytes));
    assert_int_equal(clear(0x7ffff000, 0x80000000), 1);
    assert_int_equal(frame_count(FRAME_PAGE_TABLE), frames_before + 1);
}

static void test_destroy_frees_empty_tables_and_refuses_leaves(void **state)
{
    (void)state;
    uint64_t bytes;
    assert_int_equal(page_table_map(&table, 0x123456000, 0x1000, PAGE_BYTES, PTE_USER), OK);
    EXPECT_PANIC("VERIFY", page_table_destroy(&table));
    (void)begin(state);
    assert_int_equal(page_table_map(&table, 0x123456000, 0x1000, PAGE_BYTES, PTE_USER), OK);
    assert_int_not_equal(page_table_unmap(&table, 0x123456000, &bytes), 0);
    assert_int_equal(frame_count(FRAME_PAGE_TABLE),
                     frames_before + 4); /* and destroy, in end(), frees them */
}

static void test_no_memory_changes_nothing(void **state)
{
    (void)state;
    struct page_table other;
    machine_fail_at = 1;
    assert_int_equal(page_table_create(&other), ERR_NO_MEMORY);
    for (unsigned fail_at = 1; fail_at <= 4; fail_at++) {
        uint64_t before = frame_count_free();
        machine_fail_at = fail_at;
        status_t status = page_table_map(&table, 0x123456000, 0x1000, PAGE_BYTES, PTE_USER);
        bool failed = machine_fail_at == 0;
        machine_fail_at = 0;
        assert_int_equal(status, failed ? ERR_NO_MEMORY : OK);
        assert_int_equal(failed, fail_at <= 3);
        if (failed) {
            assert_int_equal(frame_count_free(), before);
            assert_holds(frame_check);
        }
    }
    assert_int_equal(clear(USER_BASE, USER_END), 1);
}

/* ---- random operations against an array of pages ---- */

#define BASE  (0x40000000ull - 4 * 0x200000) /* across the end of a directory */
#define PAGES (8 * 512u)

static uint64_t model[PAGES];      /* physical address + 1 of each page, 0: not mapped */
static uint8_t model_large[PAGES]; /* part of a 2 MiB leaf */

static bool model_is_free(unsigned page, unsigned count)
{
    for (unsigned i = page; i < page + count; i++) {
        if (model[i] != 0) {
            return false;
        }
    }
    return true;
}

static void map_random(uint64_t *seed)
{
    bool large = random_next(seed) % 8 == 0;
    unsigned count = large ? 512 : 1, page = (unsigned)(random_next(seed) % PAGES) / count * count;
    paddr_t pa = random_next(seed) % 0x1000000 * LARGE_PAGE_BYTES;
    status_t status =
        page_table_map(&table, BASE + page * PAGE_BYTES, pa, count * PAGE_BYTES, PTE_USER);
    assert_int_equal(status, model_is_free(page, count) ? OK : ERR_BUSY);
    for (unsigned i = 0; status == OK && i < count; i++) {
        model[page + i] = pa + i * PAGE_BYTES + 1;
        model_large[page + i] = large;
    }
}

static void clear_random(uint64_t *seed)
{
    unsigned low = (unsigned)(random_next(seed) % PAGES);
    unsigned span = 1 + (unsigned)(random_next(seed) % 1500), high = MIN(low + span, PAGES);
    unsigned from = low, to = high, leaves = 0;
    while (from > 0 && from % 512 != 0 && model_large[from]) {
        from--;
    }
    while (to < PAGES && to % 512 != 0 && model_large[to]) {
        to++;
    }
    for (unsigned i = from; i < to; i++) {
        leaves += model[i] != 0 && (!model_large[i] || i % 512 == 0);
        model[i] = 0;
        model_large[i] = 0;
    }
    assert_int_equal(clear(BASE + low * PAGE_BYTES, BASE + high * PAGE_BYTES), leaves);
}

static void check_model(void)
{
    vaddr_t va = USER_BASE;
    uint64_t bytes;
    const uint64_t *leaf;
    for (unsigned i = 0; i < PAGES; i += model_large[i] ? 512 : 1) {
        if (model[i] == 0) {
            assert_null(page_table_find(&table, BASE + i * PAGE_BYTES, &bytes));
            continue;
        }
        leaf = page_table_next(&table, &va, USER_END, &bytes);
        assert_non_null(leaf);
        assert_int_equal(va, BASE + i * PAGE_BYTES);
        assert_int_equal(bytes, model_large[i] ? LARGE_PAGE_BYTES : PAGE_BYTES);
        assert_true((*leaf & PTE_ADDRESS) == model[i] - 1);
        va += bytes;
    }
    assert_null(page_table_next(&table, &va, USER_END, &bytes));
    assert_false(page_table_has_empty(&table));
}

static void test_random_operations(void **state)
{
    (void)state;
    uint64_t seed = 4711;
    memset(model, 0, sizeof(model));
    memset(model_large, 0, sizeof(model_large));
    for (unsigned step = 0; step < 20000; step++) {
        if (random_next(&seed) % 100 == 0) {
            clear_random(&seed);
            check_model();
        } else {
            map_random(&seed);
        }
    }
    check_model();
    (void)clear(USER_BASE, USER_END);
    assert_int_equal(frame_count(FRAME_PAGE_TABLE), frames_before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_upper_half_is_the_kernels, begin, end),
        cmocka_unit_test_setup_teardown(test_entries_say_what_was_asked_for, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_there_stays, begin, end),
        cmocka_unit_test_setup_teardown(test_tables_go_when_they_are_empty, begin, end),
        cmocka_unit_test_setup_teardown(test_leaves_around_take_no_memory_and_leave_what_is_there,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_a_lost_note_is_found, begin, end),
        cmocka_unit_test_setup_teardown(test_clear_skips_holes, begin, end),
        cmocka_unit_test_setup_teardown(test_clear_of_a_part_takes_a_large_leaf_whole, begin, end),
        cmocka_unit_test_setup_teardown(test_destroy_frees_empty_tables_and_refuses_leaves, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_no_memory_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_random_operations, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
