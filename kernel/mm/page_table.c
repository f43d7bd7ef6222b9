/* SPDX-License-Identifier: MIT */
/*
 * Page tables: map, find, clear.
 *
 * Levels count from the bottom: 0 page table (4 KiB leaves), 1 directory (2 MiB leaves), 2 directory pointers (1 GiB leaves), 3 PML4.
 * Inner entries allow everything; the leaf alone decides (but PTE_USER, which lower-half inner entries have and upper-half ones
 * do not).
 *
 *   P1  struct frame.data of a table made here is the number of its present entries. At 0 it holds only zeros, so it goes back
 *       as a zeroed frame.
 *   P2  The root's upper half is a copy of kernel_page_table's, whose entries there never change after boot: the loader fills the
 *       slot of every kernel region.
 *   P3  A table is reachable only when complete: it is zeroed before its entry is stored, and x86 keeps stores in order.
 *
 * page_table_map() takes all the tables it needs before it changes anything, so there is nothing to undo.
 *
 * Source: Intel SDM vol. 3A "4-Level Paging and 5-Level Paging", "Paging-Structure Caches" (why an unlinked table must
 * outlive the flush).
 */
#include "mm/page_table.h"

#include "base/assert.h"
#include "base/string.h"
#include "mm/frame.h"
#include "mm/frame_impl.h"

#define ENTRIES       512u
#define LEVEL_TOP     3u
#define LEVEL_BITS    9u
#define LOWER_HALF_ENTRIES 256u
#define TABLES_MAX    3u /* that one leaf can need */

struct page_table kernel_page_table;

static uint64_t *entries_of(paddr_t table)
{
    return phys_to_virt(table & PTE_ADDRESS);
}

static unsigned shift_of(unsigned level)
{
    return FRAME_SHIFT + level * LEVEL_BITS;
}

static unsigned index_of(vaddr_t va, unsigned level)
{
    return (unsigned)(va >> shift_of(level)) % ENTRIES;
}

static uint64_t bytes_of(unsigned level)
{
    return 1ull << shift_of(level);
}

static unsigned level_of_page(uint64_t page_bytes)
{
    VERIFY(page_bytes == PAGE_BYTES || page_bytes == LARGE_PAGE_BYTES || page_bytes == HUGE_PAGE_BYTES);
    return page_bytes == PAGE_BYTES ? 0 : page_bytes == LARGE_PAGE_BYTES ? 1 : 2;
}

static bool is_leaf(uint64_t entry, unsigned level)
{
    return level == 0 || (entry & PTE_LARGE);
}

static void set_entry(paddr_t table, uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE); /* P3 */
    frame_of(table & PTE_ADDRESS)->data++;
}

static void clear_entry(paddr_t table, uint64_t *entry)
{
    __atomic_store_n(entry, 0, __ATOMIC_RELEASE);
    frame_of(table & PTE_ADDRESS)->data--;
}

status_t page_table_create(struct page_table *table)
{
    paddr_t root = frame_alloc_zeroed(FRAME_PAGE_TABLE);
    if (root == 0) {
        return ERR_NO_MEMORY;
    }
    memcpy(entries_of(root) + LOWER_HALF_ENTRIES, entries_of(kernel_page_table.root) + LOWER_HALF_ENTRIES,
           (ENTRIES - LOWER_HALF_ENTRIES) * sizeof(uint64_t)); /* P2 */
    table->root = root;
    return OK;
}

/* The tables below one, not itself. Depth is bounded by the level. */
static void free_tables_below(paddr_t table, unsigned level, unsigned count)
{
    const uint64_t *entries = entries_of(table);
    for (unsigned i = 0; i < count; i++) {
        if (!(entries[i] & PTE_PRESENT)) {
            continue;
        }
        VERIFY(!is_leaf(entries[i], level));
        free_tables_below(entries[i] & PTE_ADDRESS, level - 1, ENTRIES);
        frame_free(entries[i] & PTE_ADDRESS, 0);
    }
}

void page_table_destroy(struct page_table *table)
{
    free_tables_below(table->root, LEVEL_TOP, LOWER_HALF_ENTRIES);
    frame_free(table->root, 0);
    table->root = 0;
}

/* Go down to the table of a level, as far as there are tables. Returns the level reached, its table in *out_table; stops above
 * at a missing entry or a leaf. */
static unsigned descend(const struct page_table *table, vaddr_t va, unsigned to_level, paddr_t *out_table)
{
    paddr_t at = table->root;
    unsigned level = LEVEL_TOP;
    while (level > to_level) {
        uint64_t entry = entries_of(at)[index_of(va, level)];
        if (!(entry & PTE_PRESENT) || is_leaf(entry, level)) {
            break;
        }
        at = entry & PTE_ADDRESS;
        level--;
    }
    *out_table = at;
    return level;
}

static status_t take_tables(paddr_t tables[TABLES_MAX], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        tables[i] = frame_alloc_zeroed(FRAME_PAGE_TABLE);
        if (tables[i] == 0) {
            while (i-- > 0) {
                frame_free_zeroed(tables[i]);
            }
            return ERR_NO_MEMORY;
        }
    }
    return OK;
}

status_t page_table_map(struct page_table *table, vaddr_t va, paddr_t pa, uint64_t page_bytes, uint64_t flags)
{
    unsigned leaf_level = level_of_page(page_bytes);
    ASSERT(IS_ALIGNED(va | pa, page_bytes));
    paddr_t at;
    unsigned level = descend(table, va, leaf_level, &at);
    uint64_t *entry = &entries_of(at)[index_of(va, level)];
    if (*entry & PTE_PRESENT) {
        return ERR_BUSY;
    }
    if (UNLIKELY(level > leaf_level)) {
        paddr_t new_tables[TABLES_MAX];
        if (take_tables(new_tables, level - leaf_level) != OK) {
            return ERR_NO_MEMORY;
        }
        uint64_t inner = PTE_PRESENT | PTE_WRITE | (va < USER_END ? PTE_USER : 0);
        for (unsigned i = 0; level > leaf_level; i++) {
            set_entry(at, entry, new_tables[i] | inner);
            at = new_tables[i];
            level--;
            entry = &entries_of(at)[index_of(va, level)];
        }
    }
    set_entry(at, entry, pa | flags | PTE_PRESENT | (leaf_level > 0 ? PTE_LARGE : 0));
    return OK;
}

uint64_t *page_table_find(const struct page_table *table, vaddr_t va, uint64_t *out_page_bytes)
{
    paddr_t at;
    unsigned level = descend(table, va, 0, &at);
    uint64_t *entry = &entries_of(at)[index_of(va, level)];
    if (!(*entry & PTE_PRESENT)) {
        return NULL;
    }
    *out_page_bytes = bytes_of(level);
    return entry;
}

uint64_t *page_table_next(const struct page_table *table, vaddr_t *va, vaddr_t end, uint64_t *out_page_bytes)
{
    for (vaddr_t at = *va; at < end;) {
        paddr_t in;
        unsigned level = descend(table, at, 0, &in);
        uint64_t *entry = &entries_of(in)[index_of(at, level)];
        if (*entry & PTE_PRESENT) {
            *va = ROUND_DOWN(at, bytes_of(level));
            *out_page_bytes = bytes_of(level);
            return entry;
        }
        at = ROUND_DOWN(at, bytes_of(level)) + bytes_of(level);
    }
    return NULL;
}

static bool has_empty_below(paddr_t table, unsigned level, unsigned count)
{
    const uint64_t *entries = entries_of(table);
    unsigned present = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!(entries[i] & PTE_PRESENT)) {
            continue;
        }
        present++;
        if (!is_leaf(entries[i], level) && has_empty_below(entries[i] & PTE_ADDRESS, level - 1, ENTRIES)) {
            return true;
        }
    }
    return present != frame_of(table)->data || (present == 0 && level < LEVEL_TOP);
}

bool page_table_has_empty(const struct page_table *table)
{
    return has_empty_below(table->root, LEVEL_TOP, LOWER_HALF_ENTRIES);
}

uint64_t page_table_unmap(struct page_table *table, vaddr_t va, uint64_t *out_page_bytes)
{
    paddr_t at;
    unsigned level = descend(table, va, 0, &at);
    uint64_t *entry = &entries_of(at)[index_of(va, level)];
    uint64_t old = *entry;
    if (!(old & PTE_PRESENT)) {
        return 0;
    }
    clear_entry(at, entry);
    *out_page_bytes = bytes_of(level);
    return old;
}

/* Unlink the table of a level that va leads to if it is empty, then the one above, and so on. The root stays. */
static void unlink_empty(struct page_table *table, vaddr_t va, unsigned level, struct list *tables)
{
    for (; level < LEVEL_TOP; level++) {
        paddr_t at, parent;
        if (descend(table, va, level, &at) != level || frame_of(at)->data != 0) {
            return;
        }
        VERIFY(descend(table, va, level + 1, &parent) == level + 1);
        clear_entry(parent, &entries_of(parent)[index_of(va, level + 1)]);
        frame_of(at)->data = at; /* the count is over; page_table_free_tables() wants the address */
        list_push_back(tables, &frame_of(at)->link);
    }
}

vaddr_t page_table_clear(struct page_table *table, vaddr_t va, vaddr_t end, struct list *tables, unsigned *out_leaves)
{
    ASSERT(va < end && end <= USER_END);
    paddr_t at;
    unsigned level = descend(table, va, 0, &at);
    /* At level 0 the whole rest of the table; above it one entry, which is a hole or a large leaf. */
    vaddr_t next = ROUND_DOWN(va, bytes_of(MAX(level, 1u))) + bytes_of(MAX(level, 1u));
    next = MIN(next, end);
    unsigned last = level == 0 ? index_of(next - 1, 0) : index_of(va, level);
    unsigned leaves = 0;
    for (unsigned i = index_of(va, level); i <= last; i++) {
        uint64_t *entry = &entries_of(at)[i];
        if (*entry & PTE_PRESENT) {
            clear_entry(at, entry);
            leaves++;
        }
    }
    if (leaves > 0) {
        unlink_empty(table, va, level, tables);
        *out_leaves += leaves;
    }
    return next;
}

void page_table_free_tables(struct list *tables)
{
    while (!list_is_empty(tables)) {
        struct frame *frame = LIST_FIRST(tables, struct frame, link);
        list_remove(&frame->link);
        frame_free_zeroed(frame->data);
    }
}
