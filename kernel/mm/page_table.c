/* SPDX-License-Identifier: MIT */
/*
 * Page tables: map, find, clear.
 *
 * A table is named by the lowest bit of the address that indexes it, its shift: 39 PML4, 30
 * directory pointers (1 GiB leaves), 21 directory (2 MiB leaves), 12 page table (4 KiB leaves).
 * Inner entries allow everything; the leaf alone decides (but PTE_USER, which lower-half inner
 * entries have and upper-half ones do not).
 *
 *   P1  struct frame.data of a table made here is the number of its present entries. At 0 it holds
 *       only zeros, so it goes back as a zeroed frame.
 *   P2  The root's upper half is a copy of kernel_page_table's, whose entries there never change
 *       after boot: the loader fills the slot of every kernel region.
 *   P3  A table is reachable only when complete: it is zeroed before its entry is stored, and x86
 *       keeps stores in order.
 *
 * page_table_map() takes all the tables it needs before it changes anything, so there is nothing to
 * undo.
 *
 * Source: Intel SDM vol. 3A "4-Level Paging and 5-Level Paging", "Paging-Structure Caches" (why an
 * unlinked table must outlive the flush).
 */
#include "mm/page_table.h"

#include "base/assert.h"
#include "base/string.h"
#include "mm/frame.h"
#include "mm/frame_impl.h"

#define ENTRIES            512u
#define LOWER_HALF_ENTRIES 256u
#define SHIFT_TOP          39u
#define SHIFT_PAGE         12u
#define SHIFT_STEP         9u
#define TABLES_MAX         3u /* that one leaf can need */

struct page_table kernel_page_table;

static uint64_t *entries_of(paddr_t table)
{
    return phys_to_virt(table);
}

static uint64_t *entry_of(paddr_t table, vaddr_t va, unsigned shift)
{
    return &entries_of(table)[(va >> shift) % ENTRIES];
}

static bool is_leaf(uint64_t entry, unsigned shift)
{
    return shift == SHIFT_PAGE || (entry & PTE_LARGE);
}

static void set_entry(paddr_t table, uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE); /* P3 */
    frame_of(table)->data++;
}

static void clear_entry(paddr_t table, uint64_t *entry)
{
    __atomic_store_n(entry, 0, __ATOMIC_RELEASE);
    frame_of(table)->data--;
}

status_t page_table_create(struct page_table *table)
{
    paddr_t root = frame_alloc(0, FRAME_PAGE_TABLE);
    if (root == 0) {
        return ERR_NO_MEMORY;
    }
    memset(entries_of(root), 0, LOWER_HALF_ENTRIES * sizeof(uint64_t));
    memcpy(entries_of(root) + LOWER_HALF_ENTRIES,
           entries_of(kernel_page_table.root) + LOWER_HALF_ENTRIES,
           (ENTRIES - LOWER_HALF_ENTRIES) * sizeof(uint64_t)); /* P2 */
    table->root = root;
    table->removals = 0;
    return OK;
}

/* The tables below one, not itself. Depth is bounded by the shift. */
static void free_tables_below(paddr_t table, unsigned shift, unsigned count)
{
    const uint64_t *entries = entries_of(table);
    for (unsigned i = 0; i < count; i++) {
        if (!(entries[i] & PTE_PRESENT)) {
            continue;
        }
        VERIFY(!is_leaf(entries[i], shift));
        free_tables_below(entries[i] & PTE_ADDRESS, shift - SHIFT_STEP, ENTRIES);
        frame_free(entries[i] & PTE_ADDRESS, 0);
    }
}

void page_table_destroy(struct page_table *table)
{
    if (frame_of(table->root)->data != 0) { /* P1: most have lost their tables with their leaves */
        free_tables_below(table->root, SHIFT_TOP, LOWER_HALF_ENTRIES);
    }
    frame_free(table->root, 0);
    table->root = 0;
}

/* Go down as far as there are tables, at most to the one of to_shift. Returns the shift reached,
 * its table in *out_table; above to_shift the entry there is missing or a leaf. */
static ALWAYS_INLINE unsigned descend(const struct page_table *table, vaddr_t va, unsigned to_shift,
                                      paddr_t *out_table)
{
    paddr_t at = table->root;
    unsigned shift = SHIFT_TOP;
    /* With a constant to_shift all shifts become constants: half the instructions. */
#pragma GCC unroll 3
    for (; shift > to_shift; shift -= SHIFT_STEP) {
        uint64_t entry = *entry_of(at, va, shift);
        if ((entry & (PTE_PRESENT | PTE_LARGE)) != PTE_PRESENT) {
            break;
        }
        at = entry & PTE_ADDRESS;
    }
    *out_table = at;
    return shift;
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

/* Hang new tables below the one of `shift` that va leads to, down to the one of leaf_shift,
 * which is returned; 0: no memory. */
static COLD paddr_t add_tables(paddr_t at, unsigned shift, unsigned leaf_shift, vaddr_t va)
{
    paddr_t tables[TABLES_MAX];
    unsigned count = (shift - leaf_shift) / SHIFT_STEP;
    VERIFY(count <= TABLES_MAX);
    if (take_tables(tables, count) != OK) {
        return 0;
    }
    uint64_t inner = PTE_PRESENT | PTE_WRITE | (va < USER_END ? PTE_USER : 0);
    for (unsigned i = 0; i < count; i++, shift -= SHIFT_STEP) {
        set_entry(at, entry_of(at, va, shift), tables[i] | inner);
        at = tables[i];
    }
    return at;
}

static ALWAYS_INLINE status_t map_leaf(struct page_table *table, vaddr_t va, unsigned leaf_shift,
                                       uint64_t leaf)
{
    paddr_t at;
    unsigned shift = descend(table, va, leaf_shift, &at);
    if (*entry_of(at, va, shift) & PTE_PRESENT) {
        return ERR_BUSY;
    }
    if (UNLIKELY(shift > leaf_shift)) {
        at = add_tables(at, shift, leaf_shift, va);
        if (at == 0) {
            return ERR_NO_MEMORY;
        }
    }
    set_entry(at, entry_of(at, va, leaf_shift), leaf);
    return OK;
}

status_t page_table_map(struct page_table *table, vaddr_t va, paddr_t pa, uint64_t page_bytes,
                        uint64_t flags)
{
    ASSERT(page_bytes == PAGE_BYTES || page_bytes == LARGE_PAGE_BYTES ||
           page_bytes == HUGE_PAGE_BYTES);
    ASSERT(IS_ALIGNED(va | pa, page_bytes));
    uint64_t leaf = pa | flags | PTE_PRESENT;
    if (LIKELY(page_bytes == PAGE_BYTES)) {
        return map_leaf(table, va, SHIFT_PAGE, leaf);
    }
    return map_leaf(table, va, (unsigned)__builtin_ctzll(page_bytes), leaf | PTE_LARGE);
}

uint64_t *page_table_find(const struct page_table *table, vaddr_t va, uint64_t *out_page_bytes)
{
    paddr_t at;
    unsigned shift = descend(table, va, SHIFT_PAGE, &at);
    uint64_t *entry = entry_of(at, va, shift);
    if (!(*entry & PTE_PRESENT)) {
        return NULL;
    }
    *out_page_bytes = 1ull << shift;
    return entry;
}

uint64_t *page_table_next(const struct page_table *table, vaddr_t *va, vaddr_t end,
                          uint64_t *out_page_bytes)
{
    for (vaddr_t at = *va; at < end;) {
        paddr_t in;
        unsigned shift = descend(table, at, SHIFT_PAGE, &in);
        uint64_t *entry = entry_of(in, at, shift);
        uint64_t bytes = 1ull << shift;
        if (*entry & PTE_PRESENT) {
            *va = ALIGN_DOWN(at, bytes);
            *out_page_bytes = bytes;
            return entry;
        }
        at = ALIGN_DOWN(at, bytes) + bytes;
    }
    return NULL;
}

static bool has_empty_below(paddr_t table, unsigned shift, unsigned count)
{
    const uint64_t *entries = entries_of(table);
    unsigned present = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!(entries[i] & PTE_PRESENT)) {
            continue;
        }
        present++;
        if (!is_leaf(entries[i], shift) &&
            has_empty_below(entries[i] & PTE_ADDRESS, shift - SHIFT_STEP, ENTRIES)) {
            return true;
        }
    }
    return present != frame_of(table)->data || (present == 0 && shift < SHIFT_TOP);
}

bool page_table_has_empty(const struct page_table *table)
{
    return has_empty_below(table->root, SHIFT_TOP, LOWER_HALF_ENTRIES);
}

uint64_t page_table_unmap(struct page_table *table, vaddr_t va, uint64_t *out_page_bytes)
{
    paddr_t at;
    unsigned shift = descend(table, va, SHIFT_PAGE, &at);
    uint64_t *entry = entry_of(at, va, shift);
    uint64_t old = *entry;
    if (!(old & PTE_PRESENT)) {
        return 0;
    }
    clear_entry(at, entry);
    table->removals++;
    *out_page_bytes = 1ull << shift;
    return old;
}

/* Unlink the table of a shift that va leads to if it is empty, then the one above, and so on.
 * The root stays. */
static void unlink_empty(struct page_table *table, vaddr_t va, unsigned shift, struct list *tables)
{
    for (; shift < SHIFT_TOP; shift += SHIFT_STEP) {
        paddr_t at, parent;
        if (descend(table, va, shift, &at) != shift || frame_of(at)->data != 0) {
            return;
        }
        VERIFY(descend(table, va, shift + SHIFT_STEP, &parent) == shift + SHIFT_STEP);
        clear_entry(parent, entry_of(parent, va, shift + SHIFT_STEP));
        frame_of(at)->data = at; /* the count is over; page_table_free_tables() wants the address */
        list_push_back(tables, &frame_of(at)->link);
    }
}

vaddr_t page_table_clear(struct page_table *table, vaddr_t va, vaddr_t end, struct list *tables,
                         unsigned *out_leaves)
{
    ASSERT(va < end && end <= USER_END);
    paddr_t at;
    unsigned shift = descend(table, va, SHIFT_PAGE, &at);
    /* At the bottom the rest of the table; above it one entry, which is a hole or a large leaf. */
    uint64_t stretch = 1ull << (shift == SHIFT_PAGE ? SHIFT_PAGE + SHIFT_STEP : shift);
    vaddr_t next = MIN(ALIGN_DOWN(va, stretch) + stretch, end);
    const uint64_t *last = entry_of(at, next - 1, shift);
    unsigned leaves = 0;
    uint64_t left = frame_of(at)->data; /* P1: none left is the end */
    for (uint64_t *entry = entry_of(at, va, shift); entry <= last && left > 0; entry++) {
        if (*entry & PTE_PRESENT) {
            __atomic_store_n(entry, 0, __ATOMIC_RELEASE);
            left--;
            leaves++;
        }
    }
    if (leaves > 0) {
        frame_of(at)->data = left;
        table->removals++;
        unlink_empty(table, va, shift, tables);
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
