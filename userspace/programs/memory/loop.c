/* SPDX-License-Identifier: MIT */
/* One thread: each thing an area can do, with its contents checked, and everything given back. */
#include <stdbool.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/start.h"
#include "userspace/programs/memory/memory.h"

#define RW         (PROT_READ | PROT_WRITE)
#define TREE_DEPTH 4u
#define PAGES      12u
#define BYTES      (PAGES * PAGE_BYTES)

static uint64_t create(uint64_t bytes, uint32_t flags)
{
    uint64_t area;

    must(sys_area_create(bytes, flags, &area));
    return area;
}

static void close_area(uint64_t area)
{
    must(sys_handle_close(area));
}

/* What page of the i-th clone of the line must hold. */
static uint64_t expected_in_line(uint64_t round, unsigned i, unsigned page)
{
    if (page > 0 && page <= i) {
        return round * 1000 + page;
    }
    return page == TREE_DEPTH + 1 && i == 0 ? 7 : round + page;
}

static void fill_new(volatile uint64_t *at, uint64_t round)
{
    for (unsigned page = 0; page < PAGES; page++) {
        VERIFY(at[page * PAGE_WORDS] == 0);
        at[page * PAGE_WORDS] = round + page;
    }
}

static void check_line(const volatile uint64_t *at, uint64_t round, unsigned i)
{
    for (unsigned page = 0; page < PAGES; page++) {
        VERIFY(at[page * PAGE_WORDS] == expected_in_line(round, i, page));
    }
}

/* A line of clones, each of the one before and changed in one page: all keep what they had. */
static void clone_in_a_line(uint64_t round)
{
    uint64_t area[TREE_DEPTH] = {create(BYTES, 0)};
    volatile uint64_t *at[TREE_DEPTH];

    for (unsigned i = 0; i < TREE_DEPTH; i++) {
        if (i > 0) {
            must(sys_area_clone(area[i - 1], 0, BYTES, &area[i]));
        }
        at[i] = memory_map(area[i], 0, BYTES, RW);
        if (i == 0) {
            fill_new(at[0], round);
        } else {
            at[i][i * PAGE_WORDS] = round * 1000 + i;
        }
    }
    at[0][(TREE_DEPTH + 1) * PAGE_WORDS] = 7;
    for (unsigned i = 0; i < TREE_DEPTH; i++) {
        check_line(at[i], round, i);
    }
    for (unsigned i = 0; i < TREE_DEPTH; i++) { /* parents first */
        memory_unmap(at[i], BYTES);
        close_area(area[i]);
    }
}

static void change_length(void)
{
    uint64_t area = create(BYTES, 0);
    volatile uint64_t *at = memory_map(area, 0, BYTES, RW);

    for (unsigned page = 0; page < PAGES; page++) {
        at[page * PAGE_WORDS] = page + 1;
    }
    must(sys_area_resize(area, 3 * PAGE_BYTES));
    must(sys_area_resize(area, BYTES));
    for (unsigned page = 0; page < PAGES; page++) {
        VERIFY(at[page * PAGE_WORDS] == (page < 3 ? page + 1 : 0));
    }
    memory_unmap(at, BYTES);
    close_area(area);
}

static void change_protection(void)
{
    uint64_t area = create(BYTES, 0), start, bytes, protection;
    volatile uint64_t *at = memory_map(area, 0, BYTES, RW | MAP_GUARD);
    uint64_t address = (uint64_t)at;

    at[0] = 1;
    must(sys_area_protect(program.self, address, PAGE_BYTES, PROT_READ));
    must(sys_area_find(program.self, address, &start, &bytes, &protection));
    VERIFY(start == address && bytes == PAGE_BYTES && protection == PROT_READ && at[0] == 1);
    must(sys_area_find(program.self, address - 1, &start, &bytes, &protection));
    VERIFY(start == address - PAGE_BYTES && bytes == PAGE_BYTES && protection == 0); /* the guard */
    VERIFY(sys_area_protect(program.self, address, PAGE_BYTES, PROT_WRITE | PROT_EXEC) ==
           ERR_BAD_ARGUMENT);
    must(sys_area_protect(program.self, address, PAGE_BYTES, RW));
    must(sys_area_find(program.self, address, &start, &bytes, &protection));
    VERIFY(start == address && bytes == BYTES && protection == RW);
    at[0] = 2;
    must(sys_area_unmap(program.self, address - PAGE_BYTES, BYTES + PAGE_BYTES));
    close_area(area);
}

static void wrap_around(bool contiguous)
{
    uint64_t area = create(BYTES, AREA_RING | (contiguous ? AREA_CONTIGUOUS : 0));
    volatile uint64_t *at = memory_map(area, 0, 2 * BYTES, RW);
    const unsigned words = PAGES * PAGE_WORDS;

    for (unsigned i = 0; i < words; i += 97) {
        at[i + words] = i;
        VERIFY(at[i] == i);
    }
    at[words - 1] = 5; /* a record across the end, in one piece */
    at[words] = 6;
    VERIFY(at[2 * words - 1] == 5 && at[0] == 6);
    memory_unmap(at, 2 * BYTES);
    close_area(area);
}

/* A page with another protection: while it has that, what is around it is shown in small pages, and then in a large one again. */
static void split_and_merge(volatile uint64_t *at)
{
    const uint64_t page = (uint64_t)(at + 5 * PAGE_WORDS);

    must(sys_area_protect(program.self, page, PAGE_BYTES, PROT_READ));
    VERIFY(at[6 * PAGE_WORDS] == 0);
    must(sys_area_protect(program.self, page, PAGE_BYTES, RW));
    VERIFY(at[7 * PAGE_WORDS] == 0);
}

/* 4 MiB: two large pages, one of them split by a protection, a clone and a hole. */
static void large_pages(void)
{
    uint64_t area = create(2 * LARGE_PAGE_BYTES, 0), clone;
    volatile uint64_t *at = memory_map(area, 0, 2 * LARGE_PAGE_BYTES, RW);
    const unsigned words = LARGE_PAGE_BYTES / 8;

    for (unsigned i = 0; i < 2 * words; i += 8191) {
        VERIFY(at[i] == 0);
        at[i] = i;
    }
    split_and_merge(at);
    must(sys_area_clone(area, 0, LARGE_PAGE_BYTES, &clone));
    volatile uint64_t *copy = memory_map(clone, 0, LARGE_PAGE_BYTES, RW);
    at[0] = 77;
    copy[8191] = 78;
    VERIFY(copy[0] == 0 && at[8191] == 8191);
    memory_unmap(at + 3 * PAGE_WORDS, PAGE_BYTES);
    for (unsigned i = 2 * 8191; i < 2 * words; i += 8191) {
        VERIFY(at[i] == i && (i >= words || copy[i] == i));
    }
    memory_unmap(copy, LARGE_PAGE_BYTES);
    memory_unmap(at, 2 * LARGE_PAGE_BYTES);
    close_area(area);
    close_area(clone);
}

void memory_loop(uint64_t rounds)
{
    for (uint64_t round = 0; round < rounds; round++) {
        clone_in_a_line(round);
        change_length();
        change_protection();
        wrap_around(round % 2);
        if (round % 64 == 0) {
            large_pages();
        }
    }
}
