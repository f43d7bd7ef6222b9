/* SPDX-License-Identifier: MIT */
/*
 * Builder of the first page tables, four levels.
 *
 * A level is named by the shift of the address bits that index it: 39 PML4, 30 PDPT, 21 PD, 12 PT. A leaf may sit at
 * 30 (1 GiB, if the CPU can), 21 or 12. Inner entries carry all rights; the leaf alone decides.
 *
 * Source: Intel SDM vol. 3A, "4-Level Paging and 5-Level Paging".
 */
#include "boot/load/paging.h"

#include "gen/layout.h"

#define ENTRY_PRESENT  (1ull << 0)
#define ENTRY_WRITE    (1ull << 1)
#define ENTRY_ACCESSED (1ull << 5)
#define ENTRY_DIRTY    (1ull << 6)
#define ENTRY_LARGE    (1ull << 7)
#define ENTRY_GLOBAL   (1ull << 8)
#define ENTRY_NX       (1ull << 63)
#define ENTRY_ADDRESS  0x000ffffffffff000ull

#define TABLE_ENTRIES 512u
#define SHIFT_TOP     39u
#define SHIFT_HUGE    30u
#define SHIFT_PAGE    12u
#define SHIFT_STEP    9u

#define PHYS_LIMIT (1ull << 52)

static uint64_t *entry_of(const struct paging *paging, uint64_t table, uint64_t virt,
                          unsigned shift)
{
    uint64_t *entries = paging->source->page_pointer(paging->source->context, table);
    return &entries[(virt >> shift) % TABLE_ENTRIES];
}

static status_t add_table(struct paging *paging, uint64_t *out_phys)
{
    uint64_t phys = paging->source->page_alloc(paging->source->context);
    if (phys == 0) {
        return ERR_NO_MEMORY;
    }
    paging->table_count++;
    *out_phys = phys;
    return OK;
}

static status_t enter_table(struct paging *paging, uint64_t *entry, uint64_t *out_table)
{
    if (*entry & ENTRY_LARGE) {
        return ERR_EXISTS;
    }
    if (!(*entry & ENTRY_PRESENT)) {
        uint64_t table;
        status_t status = add_table(paging, &table);
        if (status != OK) {
            return status;
        }
        *entry = table | ENTRY_PRESENT | ENTRY_WRITE | ENTRY_ACCESSED;
    }
    *out_table = *entry & ENTRY_ADDRESS;
    return OK;
}

/* Accessed and dirty are set beforehand: the CPU then never writes to the tables. */
static uint64_t leaf_bits(unsigned rights, unsigned shift)
{
    uint64_t bits = ENTRY_PRESENT | ENTRY_ACCESSED;
    bits |= rights & PAGING_WRITE ? ENTRY_WRITE | ENTRY_DIRTY : 0;
    bits |= rights & PAGING_EXEC ? 0 : ENTRY_NX;
    bits |= rights & PAGING_GLOBAL ? ENTRY_GLOBAL : 0;
    bits |= shift > SHIFT_PAGE ? ENTRY_LARGE : 0;
    return bits;
}

static status_t map_leaf(struct paging *paging, uint64_t virt, uint64_t phys, unsigned rights,
                         unsigned leaf_shift)
{
    uint64_t table = paging->root;
    for (unsigned shift = SHIFT_TOP; shift > leaf_shift; shift -= SHIFT_STEP) {
        status_t status = enter_table(paging, entry_of(paging, table, virt, shift), &table);
        if (status != OK) {
            return status;
        }
    }
    uint64_t *entry = entry_of(paging, table, virt, leaf_shift);
    if (*entry & ENTRY_PRESENT) {
        return ERR_EXISTS;
    }
    *entry = phys | leaf_bits(rights, leaf_shift);
    return OK;
}

static unsigned largest_shift(const struct paging *paging, uint64_t virt, uint64_t phys,
                              uint64_t bytes)
{
    unsigned shift = paging->has_huge_pages ? SHIFT_HUGE : SHIFT_HUGE - SHIFT_STEP;
    while (shift > SHIFT_PAGE &&
           (((virt | phys) & ((1ull << shift) - 1)) != 0 || bytes < 1ull << shift)) {
        shift -= SHIFT_STEP;
    }
    return shift;
}

/* Bits 63 to 47 of the first and the last byte are all the same. */
static bool is_canonical_range(uint64_t virt, uint64_t bytes)
{
    uint64_t last = virt + (bytes - 1);
    uint64_t sign = virt >> 47;
    return last >= virt && sign == last >> 47 && (sign == 0 || sign == 0x1ffff);
}

static bool is_range_valid(uint64_t virt, uint64_t phys, uint64_t bytes)
{
    if (((virt | phys | bytes) & (PAGE_BYTES - 1)) != 0 || bytes == 0) {
        return false;
    }
    return is_canonical_range(virt, bytes) && phys < PHYS_LIMIT && bytes <= PHYS_LIMIT - phys;
}

status_t paging_create(struct paging *out_paging, const struct paging_source *source,
                       bool has_huge_pages)
{
    struct paging paging = {.has_huge_pages = has_huge_pages, .source = source};
    status_t status = add_table(&paging, &paging.root);
    if (status == OK) {
        *out_paging = paging;
    }
    return status;
}

status_t paging_map(struct paging *paging, uint64_t virt, uint64_t phys, uint64_t bytes,
                    unsigned rights)
{
    if (!is_range_valid(virt, phys, bytes)) {
        return ERR_RANGE;
    }
    if ((rights & PAGING_WRITE) && (rights & PAGING_EXEC)) {
        return ERR_BAD_ARGUMENT;
    }
    while (bytes > 0) {
        unsigned shift =
            rights & PAGING_SMALL ? SHIFT_PAGE : largest_shift(paging, virt, phys, bytes);
        status_t status = map_leaf(paging, virt, phys, rights, shift);
        if (status != OK) {
            return status;
        }
        virt += 1ull << shift;
        phys += 1ull << shift;
        bytes -= 1ull << shift;
    }
    return OK;
}

status_t paging_fill_slot(struct paging *paging, uint64_t virt)
{
    uint64_t table;
    return enter_table(paging, entry_of(paging, paging->root, virt, SHIFT_TOP), &table);
}
