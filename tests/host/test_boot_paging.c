/* SPDX-License-Identifier: MIT */
/*
 * The first page tables, on pretended physical memory. What was built is read back by a walker of the test's own, which
 * follows the manual and shares nothing with the builder.
 */
#include "boot/load/paging.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/layout.h"

#define PAGES     4096u
#define PHYS_BASE 0x7654000ull /* where the pretended memory lies */

struct memory {
    uint8_t (*page)[PAGE_BYTES];
    unsigned used;
    unsigned limit;
};

static uint64_t page_alloc(void *context)
{
    struct memory *memory = context;
    if (memory->used == memory->limit) {
        return 0;
    }
    return PHYS_BASE + PAGE_BYTES * (uint64_t)memory->used++;
}

static void *page_pointer(void *context, uint64_t phys)
{
    struct memory *memory = context;
    uint64_t index = (phys - PHYS_BASE) / PAGE_BYTES;
    assert_true(phys % PAGE_BYTES == 0 && index < memory->used);
    return memory->page[index];
}

static struct memory memory;
static const struct paging_source source = {&memory, page_alloc, page_pointer};

static int set_up(void **state)
{
    (void)state;
    memory = (struct memory){.page = calloc(PAGES, PAGE_BYTES), .limit = PAGES};
    return memory.page == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    free(memory.page);
    return 0;
}

struct leaf {
    uint64_t entry;
    uint64_t phys;  /* of the address, not of the page */
    unsigned shift; /* 0: nothing is mapped */
};

/* Intel SDM vol. 3A, "4-Level Paging": PS is bit 7, NX bit 63, W bit 1; W and NX count on all levels. */
static struct leaf walk(const struct paging *paging, uint64_t virt)
{
    uint64_t table = paging->root;
    bool writable = true;
    for (unsigned shift = 39;; shift -= 9) {
        uint64_t entry = ((uint64_t *)page_pointer(&memory, table))[virt >> shift & 511];
        if (!(entry & 1)) {
            return (struct leaf){0};
        }
        writable = writable && (entry & 2);
        assert_int_equal(entry & 0x18, 0); /* cached as the MTRRs say */
        if (shift == 12 || (shift < 39 && (entry & 0x80))) {
            assert_true(shift > 12 ||
                        !(entry & 0x80)); /* in a small page that bit selects a memory type */
            uint64_t mask = (1ull << shift) - 1;
            assert_int_equal(entry & 0x000ffffffffff000ull & mask & ~0xfffull,
                             0); /* reserved bits of large pages */
            entry = writable ? entry : entry & ~2ull;
            return (struct leaf){entry, (entry & 0x000ffffffffff000ull) + (virt & mask), shift};
        }
        assert_int_equal(entry & 0x80, 0);
        assert_int_equal(entry >> 63, 0); /* an inner NX would take the right from all below */
        table = entry & 0x000ffffffffff000ull;
    }
}

struct size_case {
    const char *name;
    uint64_t virt, phys, bytes;
    bool has_huge;
    unsigned first_shift, last_shift;
    unsigned tables; /* with the top level */
};

static const struct size_case size_cases[] = {
    {"one page", 0xffffffff80000000, 0x1000, 0x1000, true, 12, 12, 4},
    {"2 MiB aligned on both sides", 0xffffffff80000000, 0x200000, 0x200000, true, 21, 21, 3},
    {"2 MiB, physical address off by a page", 0xffffffff80000000, 0x201000, 0x200000, true, 12, 12,
     4},
    {"2 MiB, virtual address off by a page", 0xffffffff80001000, 0x200000, 0x200000, true, 12, 12,
     5},
    {"2 MiB and a page", 0xffffffff80000000, 0x200000, 0x201000, true, 21, 12, 4},
    {"a page before 2 MiB", 0xffffffff801ff000, 0x3ff000, 0x201000, true, 12, 21, 4},
    {"1 GiB", 0xffff800000000000, 0, 0x40000000, true, 30, 30, 2},
    {"1 GiB on a CPU without 1 GiB pages", 0xffff800000000000, 0, 0x40000000, false, 21, 21, 3},
    {"1 GiB at a 2 MiB boundary", 0xffff800000200000, 0x200000, 0x40000000, true, 21, 21, 4},
    {"4 GiB", 0xffff800000000000, 0, 0x100000000, true, 30, 30, 2},
    {"4 GiB of 2 MiB pages", 0xffff800000000000, 0, 0x100000000, false, 21, 21, 6},
    {"5 GiB and 2 MiB", 0xffff800000000000, 0, 0x140200000, true, 30, 21, 3},
    {"across a PML4 boundary", 0xffff807fc0000000, 0x7fc0000000, 0x80000000, true, 30, 30, 3},
    {"the last pages of the lower half", 0x00007fffffffe000, 0x5000, 0x2000, true, 12, 12, 4},
    {"the last physical page", 0xffff800000000000, 0xffffffffff000, 0x1000, true, 12, 12, 4},
    {"the last page of the upper half", 0xfffffffffffff000, 0x5000, 0x1000, true, 12, 12, 4},
};

static void test_sizes(void **state)
{
    const struct size_case *c = *state;
    struct paging paging;
    assert_int_equal(paging_create(&paging, &source, c->has_huge), OK);
    assert_int_equal(paging_map(&paging, c->virt, c->phys, c->bytes, PAGING_WRITE | PAGING_GLOBAL),
                     OK);
    assert_int_equal(walk(&paging, c->virt).shift, c->first_shift);
    assert_int_equal(walk(&paging, c->virt + (c->bytes - 1)).shift, c->last_shift);
    assert_int_equal(paging.table_count, c->tables);
    assert_int_equal(memory.used, c->tables);
    uint64_t step = c->bytes / 97 + 1;
    for (uint64_t at = 0; at < c->bytes; at += step) {
        assert_int_equal(walk(&paging, c->virt + at).phys, c->phys + at);
    }
    assert_int_equal(walk(&paging, c->virt + (c->bytes - 1)).phys, c->phys + (c->bytes - 1));
    assert_int_equal(walk(&paging, c->virt - 1).shift, 0);
    assert_int_equal(walk(&paging, c->virt + c->bytes).shift, 0);
}

struct rights_case {
    const char *name;
    unsigned rights;
    bool writable, executable, global;
};

static const struct rights_case rights_cases[] = {
    {"read only", 0, false, false, false},
    {"read only, global", PAGING_GLOBAL, false, false, true},
    {"writable", PAGING_WRITE, true, false, false},
    {"executable", PAGING_EXEC, false, true, false},
    {"executable, global", PAGING_EXEC | PAGING_GLOBAL, false, true, true},
};

static void test_rights(void **state)
{
    const struct rights_case *c = *state;
    static const uint64_t sizes[] = {PAGE_BYTES, LARGE_PAGE_BYTES, HUGE_PAGE_BYTES};
    struct paging paging;
    assert_int_equal(paging_create(&paging, &source, true), OK);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t virt = DIRECT_MAP_BASE + i * HUGE_PAGE_BYTES;
        assert_int_equal(paging_map(&paging, virt, HUGE_PAGE_BYTES, sizes[i], c->rights), OK);
        uint64_t entry = walk(&paging, virt).entry;
        assert_int_equal(entry >> 1 & 1, c->writable);
        assert_int_equal(entry >> 2 & 1, 0); /* never for user mode */
        assert_int_equal(entry >> 63, !c->executable);
        assert_int_equal(entry >> 8 & 1, c->global);
    }
}

struct refusal {
    const char *name;
    uint64_t virt, phys, bytes;
    unsigned rights;
    status_t expected;
};

static const struct refusal refusals[] = {
    {"writable and executable", 0x1000, 0x1000, 0x1000, PAGING_WRITE | PAGING_EXEC,
     ERR_BAD_ARGUMENT},
    {"no bytes", 0x1000, 0x1000, 0, 0, ERR_RANGE},
    {"virtual address not aligned", 0x1001, 0x1000, 0x1000, 0, ERR_RANGE},
    {"physical address not aligned", 0x1000, 0x1800, 0x1000, 0, ERR_RANGE},
    {"length not aligned", 0x1000, 0x1000, 0x1001, 0, ERR_RANGE},
    {"starts in the non-canonical hole", 0x0000800000000000, 0x1000, 0x1000, 0, ERR_RANGE},
    {"ends in the non-canonical hole", 0x00007ffffffff000, 0x1000, 0x2000, 0, ERR_RANGE},
    {"starts below the upper half", 0xffff7ffffffff000, 0x1000, 0x2000, 0, ERR_RANGE},
    {"spans the hole", 0x00007ffffffff000, 0, 0xffff000000002000, 0, ERR_RANGE},
    {"wraps around", 0xfffffffffffff000, 0x1000, 0x2000, 0, ERR_RANGE},
    {"physical address past 52 bits", 0x1000, 1ull << 52, 0x1000, 0, ERR_RANGE},
    {"physical end past 52 bits", 0x1000, (1ull << 52) - 0x1000, 0x2000, 0, ERR_RANGE},
    {"already mapped", 0x400000, 0x1000, 0x1000, 0, ERR_EXISTS},
    {"small page inside a large one", 0x601000, 0x1000, 0x1000, 0, ERR_EXISTS},
    {"large page over a table", 0x400000, 0x200000, 0x200000, 0, ERR_EXISTS},
};

static void test_refusals(void **state)
{
    const struct refusal *c = *state;
    struct paging paging;
    assert_int_equal(paging_create(&paging, &source, true), OK);
    assert_int_equal(paging_map(&paging, 0x400000, 0x1000, 0x1000, 0), OK);
    assert_int_equal(paging_map(&paging, 0x600000, 0x200000, 0x200000, 0), OK);
    assert_int_equal(paging_map(&paging, c->virt, c->phys, c->bytes, c->rights), c->expected);
    assert_int_equal(walk(&paging, 0x400000).phys, 0x1000);
    assert_int_equal(walk(&paging, 0x601000).phys, 0x201000);
}

static void test_small_pages_on_request(void **state)
{
    (void)state;
    struct paging paging;
    assert_int_equal(paging_create(&paging, &source, true), OK);
    assert_int_equal(paging_map(&paging, KERNEL_IMAGE_BASE, LARGE_PAGE_BYTES, LARGE_PAGE_BYTES,
                                PAGING_WRITE | PAGING_SMALL),
                     OK);
    assert_int_equal(walk(&paging, KERNEL_IMAGE_BASE).shift, 12);
    assert_int_equal(walk(&paging, KERNEL_IMAGE_BASE + LARGE_PAGE_BYTES - 1).shift, 12);
}

static void test_no_memory(void **state)
{
    (void)state;
    static const uint64_t virt = KERNEL_IMAGE_BASE;
    for (unsigned limit = 0; limit < 4; limit++) {
        memset(memory.page, 0, 8 * PAGE_BYTES);
        memory.used = 0;
        memory.limit = limit;
        struct paging paging;
        status_t status = paging_create(&paging, &source, true);
        assert_int_equal(status, limit == 0 ? ERR_NO_MEMORY : OK);
        if (status == OK) {
            assert_int_equal(paging_map(&paging, virt, 0x1000, 0x1000, 0), ERR_NO_MEMORY);
            assert_int_equal(walk(&paging, virt).shift, 0);
        }
        if (limit == 1) {
            assert_int_equal(paging_fill_slot(&paging, KERNEL_STACKS_BASE), ERR_NO_MEMORY);
        }
    }
}

static void test_slot(void **state)
{
    (void)state;
    struct paging paging;
    assert_int_equal(paging_create(&paging, &source, true), OK);
    assert_int_equal(paging_fill_slot(&paging, KERNEL_STACKS_BASE), OK);
    const uint64_t *top = page_pointer(&memory, paging.root);
    for (unsigned i = 0; i < 512; i++) {
        assert_int_equal(top[i] != 0, i == 384);
    }
    const uint64_t *table = page_pointer(&memory, top[384] & 0x000ffffffffff000ull);
    for (unsigned i = 0; i < 512; i++) {
        assert_int_equal(table[i], 0);
    }
    assert_int_equal(paging_fill_slot(&paging, KERNEL_STACKS_BASE + 0x1000), OK);
    assert_int_equal(memory.used, 2);
}

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

int main(void)
{
    struct CMUnitTest
        tests[COUNT_OF(size_cases) + COUNT_OF(rights_cases) + COUNT_OF(refusals) + 3] = {
            {"small pages on request", test_small_pages_on_request, set_up, tear_down, NULL},
            {"memory runs out at every table", test_no_memory, set_up, tear_down, NULL},
            {"a filled slot holds an empty table", test_slot, set_up, tear_down, NULL},
        };
    unsigned n = 3;
    for (unsigned i = 0; i < COUNT_OF(size_cases); i++) {
        tests[n++] = (struct CMUnitTest){size_cases[i].name, test_sizes, set_up, tear_down,
                                         (void *)&size_cases[i]};
    }
    for (unsigned i = 0; i < COUNT_OF(rights_cases); i++) {
        tests[n++] = (struct CMUnitTest){rights_cases[i].name, test_rights, set_up, tear_down,
                                         (void *)&rights_cases[i]};
    }
    for (unsigned i = 0; i < COUNT_OF(refusals); i++) {
        tests[n++] = (struct CMUnitTest){refusals[i].name, test_refusals, set_up, tear_down,
                                         (void *)&refusals[i]};
    }
    return cmocka_run_group_tests_name("boot_paging", tests, NULL, NULL);
}
