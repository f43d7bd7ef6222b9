/* SPDX-License-Identifier: MIT */
/*
 * Going from page to page of a space: one walk of the page tables per last-level table, not per page.
 *
 * Context: the space's lock is held from page_cursor_begin() on, as long as the cursor is used: tables do not go away.
 */
#pragma once

#include "mm/page_table.h"

struct page_cursor {
    const struct page_table *table;
    uint64_t *leaf; /* entry of the page that va lies in; NULL: nothing is mapped there */
    uint64_t page_bytes;
};

static inline void page_cursor_begin(struct page_cursor *cursor, const struct page_table *table,
                                     vaddr_t va)
{
    cursor->table = table;
    cursor->leaf = page_table_find(table, va, &cursor->page_bytes);
}

/* page_cursor_next() - to the page that begins at va, where the one before ends. */
static inline void page_cursor_next(struct page_cursor *cursor, vaddr_t va)
{
    uint64_t *next = cursor->leaf + 1;
    if (UNLIKELY(cursor->page_bytes != PAGE_BYTES || IS_ALIGNED((uintptr_t)next, PAGE_BYTES))) {
        cursor->leaf = page_table_find(cursor->table, va, &cursor->page_bytes);
    } else {
        cursor->leaf = *next & PTE_PRESENT ? next : NULL;
    }
}

/* page_cursor_has() - a page is there, and its entry has all of these PTE_* bits. */
static inline bool page_cursor_has(const struct page_cursor *cursor, uint64_t flags)
{
    return cursor->leaf != NULL && (*cursor->leaf & flags) == flags;
}

/* page_cursor_touch() - as if the page had been accessed. */
static inline void page_cursor_touch(const struct page_cursor *cursor)
{
    if (UNLIKELY(!(*cursor->leaf & PTE_ACCESSED))) {
        __atomic_fetch_or(cursor->leaf, PTE_ACCESSED, __ATOMIC_RELAXED);
    }
}

/* page_cursor_bytes() - where the byte at va, in this page, is in the direct map; *out_room bytes follow in the page. */
static inline uint8_t *page_cursor_bytes(const struct page_cursor *cursor, vaddr_t va,
                                         uint64_t *out_room)
{
    uint64_t offset = va & (cursor->page_bytes - 1);
    *out_room = cursor->page_bytes - offset;
    return (uint8_t *)phys_to_virt(ALIGN_DOWN(*cursor->leaf & PTE_ADDRESS, cursor->page_bytes)) +
           offset;
}
