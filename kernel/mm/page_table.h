/* SPDX-License-Identifier: MIT */
/* Four-level page tables of one address space. Locking is the caller's (the space's lock): page_table_map(), _find() and _next() may
 * run on several cores at once, all else alone. */
#pragma once

#include "arch/mmu.h"
#include "base/list.h"
#include "base/types.h"

struct page_table {
    paddr_t root;
    uint64_t removals; /* grows when leaves go away or lose a right: see struct residence */
};

/* What a range was found to be: present and writable, as long as `removals` stays the same. */
struct residence {
    vaddr_t va;
    uint64_t bytes;
    uint64_t removals;
};

/* How many pages [va, va + bytes) touches; the sum of offset and bytes must not wrap. */
static inline uint64_t pages_spanned(vaddr_t va, uint64_t bytes)
{
    return bytes == 0 ? 0 : (va % PAGE_BYTES + bytes + PAGE_BYTES - 1) / PAGE_BYTES;
}

/* page_table_init() - the loader's tables are the kernel's from now on, and their upper half is what all tables made later show.
 * Boot core, once. */
void page_table_init(paddr_t root);
/* page_table_create() - an empty lower half, the kernel's upper half. OK, ERR_NO_MEMORY. */
status_t page_table_create(struct page_table *table) MUST_CHECK;
/* page_table_destroy() - free all tables of the lower half. Leaves must be gone; no core may
 * have it in CR3. */
void page_table_destroy(struct page_table *table);

/*
 * page_table_map() - one leaf of 4 KiB, 2 MiB or 1 GiB.
 * @flags PTE_WRITE, PTE_USER, PTE_NX, PTE_PCD, PTE_GLOBAL, PTE_SOFT_*
 * OK; ERR_NO_MEMORY for a table; ERR_BUSY a leaf is there, or smaller leaves are (nothing changed). Any number of cores may
 * add leaves at once, also the same one: the others get ERR_BUSY.
 */
status_t page_table_map(struct page_table *table, vaddr_t va, paddr_t pa, uint64_t page_bytes,
                        uint64_t flags) MUST_CHECK;

/*
 * page_table_map_around() - leaves of 4 KiB for [va, end), which show what follows pa, wherever there is none yet and if the
 * table for them is there: takes no memory. The range must not cross a multiple of 64 KiB. As page_table_map().
 */
void page_table_map_around(struct page_table *table, vaddr_t va, vaddr_t end, paddr_t pa,
                           uint64_t flags);

/* Bits of a leaf that the CPU ignores. */
#define PTE_SOFT_NO_COPY (1ull << 9) /* not RAM: message copies keep off it */

/* page_table_find() - the leaf entry for an address and its page size; NULL if none is present.
 * Takes no lock. */
uint64_t *page_table_find(const struct page_table *table, vaddr_t va, uint64_t *out_page_bytes);

/*
 * page_table_next() - the first leaf at or after *va and below end; *va becomes the address it
 * begins at. NULL: none. For walkers and checks: skips holes.
 */
uint64_t *page_table_next(const struct page_table *table, vaddr_t *va, vaddr_t end,
                          uint64_t *out_page_bytes);

/* page_table_has_empty() - some table of the lower half has no entry, or P1 of page_table.c does
 * not hold. For checks. */
bool page_table_has_empty(const struct page_table *table);

/* page_table_has_kernel_half() - P2 of page_table.c holds. For checks. */
bool page_table_has_kernel_half(const struct page_table *table);

/* page_table_unmap() - remove the leaf at va. Returns its old entry, 0 if there was none;
 * *out_page_bytes its size. The caller flushes TLBs (mm/tlb.h) before the frame is reused.
 * Tables that become empty stay. */
uint64_t page_table_unmap(struct page_table *table, vaddr_t va, uint64_t *out_page_bytes);

/*
 * page_table_clear() - remove the leaves of one stretch from va on, at most up to end: one lowest
 * table, or a hole.
 *
 * @tables  tables that became empty are unlinked and collected here; after the TLB flush the caller
 *          gives them to page_table_free_tables(). Page walkers may use them until then.
 * *out_leaves grows by the number of leaves removed.
 *
 * A large leaf that reaches out of [va, end) is removed whole. Returns the address to go on from;
 * end: done. Cannot fail. For addresses of the lower half. Cost: bounded, at most 512 entries.
 */
vaddr_t page_table_clear(struct page_table *table, vaddr_t va, vaddr_t end, struct list *tables,
                         unsigned *out_leaves);
void page_table_free_tables(struct list *tables);

/* The loader's tables, which all spaces share the upper half of. */
extern struct page_table kernel_page_table;
