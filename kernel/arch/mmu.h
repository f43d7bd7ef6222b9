/* SPDX-License-Identifier: MIT */
/* Page-table entries, CR3, TLB instructions, and the direct map. */
#pragma once

#include "base/types.h"
#include "gen/layout.h"

/* Bits of an entry (Intel SDM vol. 3A, "4-Level Paging and 5-Level Paging"). */
#define PTE_PRESENT  (1ull << 0)
#define PTE_WRITE    (1ull << 1)
#define PTE_USER     (1ull << 2)
#define PTE_PWT      (1ull << 3)
#define PTE_PCD      (1ull << 4)
#define PTE_ACCESSED (1ull << 5)
#define PTE_DIRTY    (1ull << 6)
#define PTE_LARGE    (1ull << 7)
#define PTE_GLOBAL   (1ull << 8)
#define PTE_NX       (1ull << 63)
#define PTE_ADDRESS  0x000ffffffffff000ull

static inline void *phys_to_virt(paddr_t pa)
{
    return (void *)(DIRECT_MAP_BASE + pa);
}

/* virt_to_phys() - of an address in the direct map. */
static inline paddr_t virt_to_phys(const void *va)
{
    return (vaddr_t)va - DIRECT_MAP_BASE;
}

static inline paddr_t mmu_root(void)
{
    paddr_t cr3;
    __asm__ volatile("movq %%cr3, %0" : "=r"(cr3)::"memory");
    return cr3 & PTE_ADDRESS;
}

static inline void mmu_load_cr3(uint64_t cr3)
{
    __asm__ volatile("movq %0, %%cr3" ::"r"(cr3) : "memory");
}

/* mmu_drop_own() - all this core's translations of the space it has, but for global ones. Also with PCIDs (arch/pcid.h). */
static inline void mmu_drop_own(void)
{
    uint64_t cr3;
    __asm__ volatile("movq %%cr3, %0" : "=r"(cr3)::"memory");
    mmu_load_cr3(cr3); /* bit 63 reads as 0 */
}

/*
 * mmu_switch_root() - load CR3, then store the root in *active, this core's active_root. pcid_init() may replace the two
 * instructions (root_patch.c).
 */
#define ROOT_SITE_BYTES_MAX 16u
static ALWAYS_INLINE void mmu_switch_root(paddr_t root, _Atomic paddr_t *active)
{
    __asm__ volatile("1: movq %[root], %%cr3\n\t"
                     "movq %[root], %[active]\n"
                     "2:\n\t"
                     ".pushsection root_sites, \"a\"\n\t"
                     ".quad 1b, 2b - 1b\n\t"
                     ".popsection"
                     : [active] "=m"(*active)
                     : [root] "r"(root)
                     : "memory");
}

static inline void mmu_invalidate(vaddr_t va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static inline vaddr_t mmu_fault_address(void)
{
    vaddr_t cr2;
    __asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
    return cr2;
}

/* mmu_has_huge_pages() - 1 GiB pages. */
bool mmu_has_huge_pages(void);
