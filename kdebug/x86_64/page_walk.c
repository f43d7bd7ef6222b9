/* SPDX-License-Identifier: MIT */
/* The software page walk (page_walk.h). Source: Intel SDM vol. 3A, "4-Level Paging and 5-Level
 * Paging". */
#include "kdebug/x86_64/page_walk.h"

#include "arch/mmu.h"
#include "kdebug/core/target.h"

#define INDEX_BITS  9u
#define OFFSET_BITS 12u

static bool is_canonical(vaddr_t va)
{
    return (int64_t)(va << 16) >> 16 == (int64_t)va;
}

/* A large page's address bits; bit 12 of its entry is PAT. */
static paddr_t page_address(uint64_t entry, uint64_t page_bytes)
{
    return entry & PTE_ADDRESS & ~(page_bytes - 1);
}

status_t kd_walk(paddr_t root, vaddr_t va, struct kd_walk *out)
{
    *out = (struct kd_walk){.flags = PTE_WRITE | PTE_USER};
    if (!is_canonical(va)) {
        return ERR_BAD_ADDRESS;
    }
    paddr_t table = root & PTE_ADDRESS;
    for (unsigned level = 0; level < KD_WALK_LEVELS; level++) {
        unsigned shift = OFFSET_BITS + INDEX_BITS * (KD_WALK_LEVELS - 1 - level);
        paddr_t at = table + (va >> shift & 0x1ff) * 8;
        uint64_t entry;
        if (kd_target->read_physical(at, &entry, sizeof(entry)) != OK) {
            return ERR_BAD_ADDRESS;
        }
        out->entry[level] = entry;
        out->entry_at[level] = at;
        out->levels = level + 1;
        if (!(entry & PTE_PRESENT)) {
            return OK;
        }
        out->flags &= entry | ~(PTE_WRITE | PTE_USER);
        out->flags |= entry & PTE_NX;
        bool is_leaf = level == KD_WALK_LEVELS - 1 || (level > 0 && (entry & PTE_LARGE));
        if (is_leaf) {
            out->present = true;
            out->page_bytes = 1ull << shift;
            out->physical = page_address(entry, out->page_bytes) | (va & (out->page_bytes - 1));
            out->flags |= entry & ~(PTE_ADDRESS | PTE_WRITE | PTE_USER);
            return OK;
        }
        table = entry & PTE_ADDRESS;
    }
    return OK;
}
