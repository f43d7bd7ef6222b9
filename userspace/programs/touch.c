/* SPDX-License-Identifier: MIT */
/*
 * touch: maps memory, looks that it is zero, writes it in several orders, reads it back, gives it
 * away, and so on.
 *
 *   rounds=N (36)   pages=N (192) of each area
 *
 * Each round also maps its area a second time (writes must show there), takes a hole out of the
 * middle of a mapping, and maps the area again after it was unmapped (the contents must have
 * stayed). Fresh areas must be zero although the frames were dirty when the round before gave them
 * back.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/option.h"
#include "userspace/lib/random.h"
#include "userspace/lib/start.h"

#define PAGE_WORDS (PAGE_BYTES / 8)

/* The order in which a round touches its pages; every order is a permutation of 0 .. pages-1. */
enum touch_order { ORDER_UP, ORDER_DOWN, ORDER_STRIDE, ORDER_COUNT };

static uint64_t page_at(enum touch_order order, uint64_t step, uint64_t pages)
{
    const uint64_t stride = 7919; /* prime, and no page count we use is a multiple of it */

    switch (order) {
    case ORDER_DOWN:
        return pages - 1 - step;
    case ORDER_STRIDE:
        return step * stride % pages;
    default:
        return step;
    }
}

static uint64_t pattern(uint64_t round, uint64_t page, uint64_t word)
{
    return random_mix(round << 40 ^ page << 16 ^ word);
}

static volatile uint64_t *map(uint64_t area, uint64_t offset, uint64_t bytes, unsigned protection)
{
    uint64_t address;

    must(sys_area_map(program.self, area, offset, bytes, 0, protection, &address));
    return (volatile uint64_t *)address;
}

static void unmap(volatile uint64_t *at, uint64_t bytes)
{
    must(sys_area_unmap(program.self, (uint64_t)at, bytes));
}

static void check_zero(volatile uint64_t *at, uint64_t page)
{
    for (uint64_t word = 0; word < PAGE_WORDS; word++) {
        VERIFY(at[page * PAGE_WORDS + word] == 0);
    }
}

/* First, middle and last words of a page. */
static void write_page(volatile uint64_t *at, uint64_t round, uint64_t page)
{
    for (uint64_t word = 0; word < PAGE_WORDS; word += 73) {
        at[page * PAGE_WORDS + word] = pattern(round, page, word);
    }
    at[page * PAGE_WORDS + PAGE_WORDS - 1] = pattern(round, page, PAGE_WORDS - 1);
}

static void check_page(volatile uint64_t *at, uint64_t round, uint64_t page)
{
    for (uint64_t word = 0; word < PAGE_WORDS; word += 73) {
        VERIFY(at[page * PAGE_WORDS + word] == pattern(round, page, word));
    }
    VERIFY(at[page * PAGE_WORDS + PAGE_WORDS - 1] == pattern(round, page, PAGE_WORDS - 1));
}

static void check_pages(volatile uint64_t *at, uint64_t round, uint64_t first, uint64_t end,
                        uint64_t first_of_map)
{
    for (uint64_t page = first; page < end; page++) {
        check_page(at - first_of_map * PAGE_WORDS, round, page);
    }
}

static void run_round(uint64_t round, uint64_t pages)
{
    enum touch_order order = (enum touch_order)(round % ORDER_COUNT);
    uint64_t bytes = pages * PAGE_BYTES;
    uint64_t area;

    must(sys_area_create(bytes, 0, &area));
    volatile uint64_t *at = map(area, 0, bytes, PROT_READ | PROT_WRITE);
    for (uint64_t step = 0; step < pages; step++) {
        uint64_t page = page_at(order, step, pages);
        check_zero(at, page);
        write_page(at, round, page);
    }

    volatile uint64_t *again = map(area, 0, bytes, PROT_READ);
    check_pages(again, round, 0, pages, 0);
    unmap(again, bytes);

    uint64_t hole = pages / 3, hole_end = pages / 2;
    unmap(at + hole * PAGE_WORDS, (hole_end - hole) * PAGE_BYTES);
    check_pages(at, round, 0, hole, 0);
    check_pages(at, round, hole_end, pages, 0);
    unmap(at, hole * PAGE_BYTES);
    unmap(at + hole_end * PAGE_WORDS, (pages - hole_end) * PAGE_BYTES);

    volatile uint64_t *part = map(area, hole * PAGE_BYTES, bytes - hole * PAGE_BYTES, PROT_READ);
    check_pages(part, round, hole, pages, hole);
    unmap(part, bytes - hole * PAGE_BYTES);
    must(sys_handle_close(area));
}

int main(int argc, char **argv)
{
    uint64_t rounds = option_u64("rounds", 36);
    uint64_t pages = option_u64("pages", 192);

    (void)argc;
    (void)argv;
    VERIFY(pages >= 6 && pages % 7919 != 0);
    for (uint64_t round = 0; round < rounds; round++) {
        mark(MARK_ROUND, round);
        run_round(round, pages);
    }
    mark(MARK_CHECKED, rounds * pages);
    report("%lu rounds of %lu pages", rounds, pages);
    return 0;
}
