/* SPDX-License-Identifier: MIT */
/*
 * Kernel stacks: slots of a region of their own, the lower part of each unmapped, so that an
 * overflow faults.
 *
 *      slot n:   | guard, never mapped | stack, KERNEL_STACK_BYTES |  slot n + 1 ...
 *
 * Slots are taken in order. A stack once mapped stays: freed ones wait on a list that lives in
 * their own lowest words (reached through the direct map, so the list works wherever the region is
 * not mapped), the warmest few in an array per core. So kernel translations never have to be
 * flushed.
 *
 * When memory runs out while a slot is being mapped, what is mapped already stays, and the next try
 * goes on there.
 *
 * Locks: `lock` (rank STACKS) for the list, the next slot, and kernel_page_table's part for the
 * region.
 */
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "mm/heap_impl.h"
#include "mm/page_table.h"

#define SLOTS_MAX (KERNEL_STACKS_BYTES / KERNEL_STACK_SLOT_BYTES)
#define WARM_MAX  4u

struct free_stack {
    struct list link;
    vaddr_t top;
};

/* Own core only. */
struct warm_stacks {
    unsigned count;
    vaddr_t top[WARM_MAX];
};

static struct spinlock lock;
static struct list free_stacks;
static uint64_t free_count, next_slot;
static struct warm_stacks warm[CPU_MAX];

static vaddr_t top_of_slot(uint64_t slot)
{
    return KERNEL_STACKS_BASE + (slot + 1) * KERNEL_STACK_SLOT_BYTES;
}

static status_t map_page_locked(vaddr_t va)
{
    uint64_t page_bytes;
    if (page_table_find(&kernel_page_table, va, &page_bytes) != NULL) {
        return OK; /* an earlier try got that far */
    }
    paddr_t pa = frame_alloc(0, FRAME_STACK);
    if (pa == 0) {
        return ERR_NO_MEMORY;
    }
    status_t status =
        page_table_map(&kernel_page_table, va, pa, PAGE_BYTES, PTE_WRITE | PTE_NX | PTE_GLOBAL);
    if (status != OK) {
        frame_free(pa, 0);
    }
    return status;
}

static vaddr_t map_new_locked(void)
{
    if (next_slot == SLOTS_MAX) {
        return 0;
    }
    vaddr_t top = top_of_slot(next_slot);
    for (vaddr_t va = top - KERNEL_STACK_BYTES; va < top; va += PAGE_BYTES) {
        if (map_page_locked(va) != OK) {
            return 0;
        }
    }
    next_slot++;
    return top;
}

static vaddr_t take_free_locked(void)
{
    struct free_stack *stack = LIST_FIRST(&free_stacks, struct free_stack, link);
    list_remove(&stack->link);
    free_count--;
    return stack->top;
}

vaddr_t kernel_stack_alloc(void)
{
    struct warm_stacks *own = &warm[cpu_id()];
    if (own->count > 0) {
        return own->top[--own->count];
    }
    spinlock_acquire(&lock);
    vaddr_t top = list_is_empty(&free_stacks) ? map_new_locked() : take_free_locked();
    spinlock_release(&lock);
    return top;
}

void kernel_stack_free(vaddr_t top)
{
    VERIFY(top > KERNEL_STACKS_BASE && top <= top_of_slot(next_slot - 1) &&
           IS_ALIGNED(top - KERNEL_STACKS_BASE, KERNEL_STACK_SLOT_BYTES));
    struct warm_stacks *own = &warm[cpu_id()];
    if (own->count < WARM_MAX) {
        own->top[own->count++] = top;
        return;
    }
    spinlock_acquire(&lock);
    uint64_t page_bytes;
    const uint64_t *entry =
        page_table_find(&kernel_page_table, top - KERNEL_STACK_BYTES, &page_bytes);
    VERIFY(entry != NULL);
    struct free_stack *stack = phys_to_virt(*entry & PTE_ADDRESS);
    stack->top = top;
    list_push_front(&free_stacks, &stack->link);
    free_count++;
    spinlock_release(&lock);
}

uint64_t kernel_stack_count(void)
{
    return next_slot;
}

uint64_t kernel_stack_count_free(void)
{
    uint64_t count = free_count;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        count += warm[cpu].count;
    }
    return count;
}

void kernel_stack_init(void)
{
    spinlock_init(&lock, "kernel stacks", LOCK_RANK_STACKS);
    list_init(&free_stacks);
}
