/* SPDX-License-Identifier: MIT */
/*
 * Page tables: map, find, clear.
 *
 * A table is named by the lowest bit of the address that indexes it, its shift: 39 PML4, 30
 * directory pointers (1 GiB leaves), 21 directory (2 MiB leaves), 12 page table (4 KiB leaves).
 * Inner entries allow everything; the leaf alone decides (but PTE_USER, which lower-half inner
 * entries have and upper-half ones do not).
 *
 *   P1  struct frame.data of a table made here tells how many entries are present, and in which sixteens: in the low half the
 *       number; bit 32 + n is set if one of the entries from 16 n on is present, and may be if none is any more. All others are 0.
 *       A table without any holds only zeros, so it goes back as a zeroed frame.
 *   P2  The root's upper half is a copy of kernel_page_table's, whose entries there never change
 *       after boot: the loader fills the slot of every kernel region. They are few, so page_table_init() notes which:
 *       a root begins and ends as a zeroed frame.
 *   P3  A table is reachable only when complete: it is zeroed, and has the entry that it was made for, before its own is
 *       stored; x86 keeps stores in order.
 *   P4  An entry goes from 0 to a value by a compare-and-swap, and is then counted (P1) by another: several cores may add to one
 *       table at the same time. Who changes or clears entries, or unlinks tables, has the table to himself.
 *
 * page_table_map() takes all the tables it needs before it changes anything; if another core was faster to hang tables at
 * the same place, it returns its own and uses those.
 *
 * Source: Intel SDM vol. 3A "4-Level Paging and 5-Level Paging", "Paging-Structure Caches" (why an
 * unlinked table must outlive the flush).
 */
#include "mm/page_table.h"

#include "base/assert.h"
#include "base/words.h"
#include "mm/frame.h"
#include "mm/frame_impl.h"

#define ENTRIES            512u
#define LOWER_HALF_ENTRIES 256u
#define SHIFT_TOP          39u
#define SHIFT_PAGE         12u
#define SHIFT_STEP         9u
#define TABLES_MAX         3u  /* that one leaf can need */
#define GROUP_ENTRIES      16u /* P1 */
#define GROUPS             (ENTRIES / GROUP_ENTRIES)
#define GROUP_SHIFT        32u
static_assert(GROUPS <= 64 - GROUP_SHIFT,
              "a bit for each group in the upper half of struct frame.data");

struct page_table kernel_page_table;
static uint8_t kernel_slots
    [ENTRIES -
     LOWER_HALF_ENTRIES]; /* P2: upper half entries that are present, less LOWER_HALF_ENTRIES */
static unsigned kernel_slot_count;

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

static uint32_t count_entries(paddr_t table)
{
    return (uint32_t)frame_of(table)->data;
}

/* The bit in struct frame.data for the group that an entry is in. */
static uint64_t group_bit(const uint64_t *entry)
{
    return 1ull << GROUP_SHIFT << (uintptr_t)entry / sizeof(*entry) / GROUP_ENTRIES % GROUPS;
}

/* Entries of one group more are present. Only who is alone with a table takes a group's bit away, so seeing it is enough. */
static inline void note_entries(paddr_t table, uint64_t group, unsigned count)
{
    uint64_t *data = &frame_of(table)->data;
    uint64_t seen = __atomic_load_n(data, __ATOMIC_RELAXED);
    if (LIKELY(seen & group)) {
        __atomic_fetch_add(data, count, __ATOMIC_RELAXED);
        return;
    }
    while (UNLIKELY(!__atomic_compare_exchange_n(data, &seen, (seen | group) + count, true,
                                                 __ATOMIC_RELAXED, __ATOMIC_RELAXED))) {
    }
}

static bool claim_entry(uint64_t *entry, uint64_t value)
{
    uint64_t unused = 0;
    return __atomic_compare_exchange_n(entry, &unused, value, false, __ATOMIC_RELEASE,
                                       __ATOMIC_RELAXED);
}

/* Fill an entry that is not in use (P4). False: it is. */
static bool fill_entry(paddr_t table, uint64_t *entry, uint64_t value)
{
    if (!claim_entry(entry, value)) {
        return false;
    }
    note_entries(table, group_bit(entry), 1);
    return true;
}

static void clear_entry(paddr_t table, uint64_t *entry)
{
    __atomic_store_n(entry, 0, __ATOMIC_RELEASE);
    frame_of(table)->data--;
}

void page_table_init(paddr_t root)
{
    const uint64_t *upper = entries_of(root) + LOWER_HALF_ENTRIES;
    kernel_page_table.root = root;
    kernel_slot_count = 0;
    for (unsigned i = 0; i < ENTRIES - LOWER_HALF_ENTRIES; i++) {
        if (upper[i] != 0) {
            kernel_slots[kernel_slot_count++] = (uint8_t)i;
        }
    }
}

status_t page_table_create(struct page_table *table)
{
    paddr_t root = frame_alloc_zeroed(FRAME_PAGE_TABLE);
    if (root == 0) {
        return ERR_NO_MEMORY;
    }
    uint64_t *own = entries_of(root) + LOWER_HALF_ENTRIES;
    const uint64_t *kernel = entries_of(kernel_page_table.root) + LOWER_HALF_ENTRIES;
    for (unsigned i = 0; i < kernel_slot_count; i++) {
        own[kernel_slots[i]] = kernel[kernel_slots[i]]; /* P2 */
    }
    table->root = root;
    table->removals = 0;
    return OK;
}

/* The tables below one, not itself, which holds only zeros then. Depth is bounded by the shift. */
static void free_tables_below(paddr_t table, unsigned shift, unsigned count)
{
    uint64_t *entries = entries_of(table);
    for (unsigned i = 0; i < count; i++) {
        if (!(entries[i] & PTE_PRESENT)) {
            continue;
        }
        VERIFY(!is_leaf(entries[i], shift));
        free_tables_below(entries[i] & PTE_ADDRESS, shift - SHIFT_STEP, ENTRIES);
        frame_free_zeroed(entries[i] & PTE_ADDRESS);
        entries[i] = 0;
    }
}

void page_table_destroy(struct page_table *table)
{
    if (count_entries(table->root) != 0) { /* most have lost their tables with their leaves */
        free_tables_below(table->root, SHIFT_TOP, LOWER_HALF_ENTRIES);
    }
    for (unsigned i = 0; i < kernel_slot_count; i++) {
        entries_of(table->root)[LOWER_HALF_ENTRIES + kernel_slots[i]] = 0;
    }
    frame_free_zeroed(table->root);
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

/* Give tables that hold nothing but the way to the last of them back. */
static void return_tables(const paddr_t tables[TABLES_MAX], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        frame_free(tables[i], 0);
    }
}

/*
 * Make the tables that lack between the one of `shift`, which is there, and the leaf, with the leaf in the last, and hang them
 * into `entry`. ERR_BUSY: somebody else has hung tables there meanwhile; ERR_NO_MEMORY.
 */
static COLD status_t add_tables(paddr_t at, uint64_t *entry, unsigned shift, unsigned leaf_shift,
                                vaddr_t va, uint64_t leaf)
{
    paddr_t tables[TABLES_MAX] = {0};
    unsigned count = (shift - leaf_shift) / SHIFT_STEP;
    VERIFY(count <= TABLES_MAX);
    if (take_tables(tables, count) != OK) {
        return ERR_NO_MEMORY;
    }
    uint64_t inner = PTE_PRESENT | PTE_WRITE | (va < USER_END ? PTE_USER : 0);
    for (unsigned i = 0; i < count; i++) {
        shift -= SHIFT_STEP;
        uint64_t *only = entry_of(tables[i], va, shift);
        *only = i + 1 < count ? tables[i + 1] | inner : leaf;
        frame_of(tables[i])->data = group_bit(only) + 1;
    }
    if (!fill_entry(at, entry, tables[0] | inner)) { /* P3 */
        return_tables(tables, count);
        return ERR_BUSY;
    }
    return OK;
}

static ALWAYS_INLINE status_t map_leaf(struct page_table *table, vaddr_t va, unsigned leaf_shift,
                                       uint64_t leaf)
{
    for (;;) {
        paddr_t at;
        unsigned shift = descend(table, va, leaf_shift, &at);
        uint64_t *entry = entry_of(at, va, shift);
        if (LIKELY(shift == leaf_shift)) {
            return fill_entry(at, entry, leaf) ? OK : ERR_BUSY;
        }
        uint64_t present = *entry;
        if (present & PTE_LARGE) {
            return ERR_BUSY;
        }
        status_t status =
            present == 0 ? add_tables(at, entry, shift, leaf_shift, va, leaf) : ERR_BUSY;
        if (status != ERR_BUSY) {
            return status;
        }
    }
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

void page_table_map_around(struct page_table *table, vaddr_t va, vaddr_t end, paddr_t pa,
                           uint64_t flags)
{
    paddr_t at;
    if (descend(table, va, SHIFT_PAGE, &at) != SHIFT_PAGE) {
        return;
    }
    uint64_t *entry = entry_of(at, va, SHIFT_PAGE), leaf = pa | flags | PTE_PRESENT;
    uint64_t group = group_bit(entry);
    unsigned count = 0;
    ASSERT(va < end && group_bit(entry + (end - va) / PAGE_BYTES - 1) == group);
    for (; va < end; va += PAGE_BYTES, leaf += PAGE_BYTES, entry++) {
        count += *entry == 0 && claim_entry(entry, leaf);
    }
    note_entries(at, group, count);
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
        if (!(frame_of(table)->data & group_bit(&entries[i]))) {
            return true;
        }
        if (!is_leaf(entries[i], shift) &&
            has_empty_below(entries[i] & PTE_ADDRESS, shift - SHIFT_STEP, ENTRIES)) {
            return true;
        }
    }
    return present != count_entries(table) || (present == 0 && shift < SHIFT_TOP);
}

bool page_table_has_empty(const struct page_table *table)
{
    return has_empty_below(table->root, SHIFT_TOP, LOWER_HALF_ENTRIES);
}

bool page_table_has_kernel_half(const struct page_table *table)
{
    const uint64_t *own = entries_of(table->root);
    const uint64_t *kernel = entries_of(kernel_page_table.root);
    for (unsigned i = LOWER_HALF_ENTRIES; i < ENTRIES; i++) {
        if (((own[i] ^ kernel[i]) & ~PTE_ACCESSED) != 0) {
            return false;
        }
    }
    return true;
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

/* The tables on the way down to an address: the root first. */
#define PATH_MAX 4u

static unsigned path_index(unsigned shift)
{
    return (SHIFT_TOP - shift) / SHIFT_STEP;
}

/* descend() to the bottom; what it goes through is in path[0] to path[path_index(shift reached)]. */
static ALWAYS_INLINE unsigned descend_noting(const struct page_table *table, vaddr_t va,
                                             paddr_t path[PATH_MAX])
{
    unsigned shift = SHIFT_TOP;
    path[0] = table->root;
#pragma GCC unroll 3
    for (unsigned i = 1; i < PATH_MAX; i++, shift -= SHIFT_STEP) {
        uint64_t entry = *entry_of(path[i - 1], va, shift);
        if ((entry & (PTE_PRESENT | PTE_LARGE)) != PTE_PRESENT) {
            break;
        }
        path[i] = entry & PTE_ADDRESS;
    }
    return shift;
}

/* Unlink the table of a shift that va leads to if it is empty, then the one above, and so on. The root stays. */
static void unlink_empty(const paddr_t path[PATH_MAX], vaddr_t va, unsigned shift,
                         struct list *tables)
{
    for (unsigned i = path_index(shift); i > 0 && count_entries(path[i]) == 0; i--) {
        shift += SHIFT_STEP;
        clear_entry(path[i - 1], entry_of(path[i - 1], va, shift));
        struct frame *frame = frame_of(path[i]);
        frame->data = path[i]; /* the count is over; page_table_free_tables() wants the address */
        list_push_back(tables, &frame->link);
    }
}

/* Clear the entries [entry, stop). Returns how many there were. */
static inline uint32_t clear_group(uint64_t *entry, const uint64_t *stop)
{
    uint32_t cleared = 0;
    while (entry < stop) {
        if (*entry == 0) {
            entry = words_skip_zeros(entry, stop);
            continue;
        }
        __atomic_store_n(entry++, 0, __ATOMIC_RELEASE);
        cleared++;
    }
    return cleared;
}

/* Clear the entries first to last of a table, where it has some (P1). Returns how many there were. */
static unsigned clear_entries(paddr_t table, unsigned first, unsigned last)
{
    uint64_t *entries = entries_of(table);
    uint32_t before = count_entries(table), left = before;
    uint32_t all = (uint32_t)(frame_of(table)->data >> GROUP_SHIFT);
    uint32_t groups = all & ~0u << first / GROUP_ENTRIES;
    groups &= ~0u >> (GROUPS - 1 - last / GROUP_ENTRIES);
    for (; groups != 0 && left > 0; groups &= groups - 1) {
        unsigned group = (unsigned)__builtin_ctz(groups), base = group * GROUP_ENTRIES;
        unsigned from = MAX(base, first), to = MIN(base + GROUP_ENTRIES - 1, last);
        left -= clear_group(entries + from, entries + to + 1);
        all &= to - from == GROUP_ENTRIES - 1 ? ~(1u << group) : ~0u;
    }
    frame_of(table)->data = (uint64_t)all << GROUP_SHIFT | left;
    return before - left;
}

vaddr_t page_table_clear(struct page_table *table, vaddr_t va, vaddr_t end, struct list *tables,
                         unsigned *out_leaves)
{
    ASSERT(va < end && end <= USER_END);
    paddr_t path[PATH_MAX];
    unsigned shift = descend_noting(table, va, path);
    /* At the bottom the rest of the table; above it one entry, which is a hole or a large leaf. */
    uint64_t stretch = 1ull << (shift == SHIFT_PAGE ? SHIFT_PAGE + SHIFT_STEP : shift);
    vaddr_t next = MIN(ALIGN_DOWN(va, stretch) + stretch, end);
    paddr_t at = path[path_index(shift)];
    unsigned leaves = clear_entries(at, (va >> shift) % ENTRIES, ((next - 1) >> shift) % ENTRIES);
    if (leaves > 0) {
        table->removals++;
        unlink_empty(path, va, shift, tables);
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
