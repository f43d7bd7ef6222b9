/* SPDX-License-Identifier: MIT */
/*
 * Pages of the database: each has a number, a checksum, and entries in the order of their keys. A page is looked at only after its
 * checksum was compared, so one that came back wrong from wherever it was is found where it is used.
 */
#pragma once

#include <stdint.h>

#define PAGE_ENTRIES 254u

struct entry {
    uint64_t key;
    uint64_t
        value; /* of an inner page: number of the page that has this key and those up to the next */
};

struct page {
    uint32_t checksum; /* of all that follows */
    uint32_t number;
    uint32_t level; /* 0: a leaf */
    uint32_t count;
    uint32_t next; /* of leaves: the one with the next keys; 0: the last */
    uint32_t reserved[3];
    struct entry entry[PAGE_ENTRIES];
};
_Static_assert(sizeof(struct page) == 4096, "a page is a page");

/* pages_init() - over this memory, all zero, of so many pages; number 0 is none. */
void pages_init(void *memory, uint32_t count);

/* page_new() - an empty one, from [first, limit): *next is the first that is free. page_open() - one that is there, checked.
 * page_seal() - after a change, before anybody else opens it. */
struct page *page_new(uint32_t *next, uint32_t limit, uint32_t level);
struct page *page_open(uint32_t number);
void page_seal(struct page *page);

/* page_find() - the place of the last entry whose key is not above this one; 0 if all are above. */
uint32_t page_find(const struct page *page, uint64_t key);

/* page_insert() - an entry at a place; those behind it move. There must be room. */
void page_insert(struct page *page, uint32_t place, struct entry entry);
