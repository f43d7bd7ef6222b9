/* SPDX-License-Identifier: MIT */
/* The instructions that drop translations of this core; apart from tlb.c so that the protocol is
 * tested on the host. */
#include "arch/mmu.h"
#include "mm/page_table.h"
#include "mm/tlb_impl.h"

void tlb_flush_own(paddr_t root, vaddr_t va, uint64_t bytes)
{
    if (bytes == TLB_RETIRE) {
        if (atomic_load_explicit(&this_cpu()->active_root, memory_order_relaxed) == root) {
            tlb_use_root(this_cpu(), kernel_page_table.root);
        }
        return;
    }
    /* Kernel translations are global, and a CR3 load keeps those: always page by page. */
    if (root != 0 && bytes > TLB_PAGES_MAX * PAGE_BYTES) {
        mmu_drop_own();
        return;
    }
    for (uint64_t at = 0; at < bytes; at += PAGE_BYTES) {
        mmu_invalidate(va + at);
    }
}
