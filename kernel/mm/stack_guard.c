/* SPDX-License-Identifier: MIT */
/* Guard pages below the stacks that lie in the kernel image: an overflow faults, #DF on a stack of
 * its own tells, instead of data of another core changing. */
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "mm/heap.h"
#include "mm/page_table.h"

void kernel_stack_guard_boot(void)
{
    vaddr_t va;
    for (unsigned i = 0; (va = cpu_stack_guard(i)) != 0; i++) {
        uint64_t page_bytes = 0;
        uint64_t old = page_table_unmap(&kernel_page_table, va, &page_bytes);
        VERIFY((old & PTE_PRESENT) && page_bytes == PAGE_BYTES); /* the loader maps data so */
        mmu_invalidate(va);
    }
}
