/* SPDX-License-Identifier: MIT */
/*
 * TLB shootdown. A core that has a space's root in CR3 says so in cpu->active_root; an initiator
 * changes entries, fences, then asks exactly the cores whose active_root matches. No masks, no
 * locked instruction on the switch path.
 */
#pragma once

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "base/types.h"

/* For cpu->active_root around a CR3 load: between "store TLB_ROOT_CHANGING, load CR3, store the
 * new root" the core counts as one that may hold translations of any space. */
#define TLB_ROOT_CHANGING 1ull

/* Root of a thread that only uses kernel addresses, which all page tables have: it goes on with
 * those it finds, so a core that idles between two calls of one process never loads CR3. */
#define TLB_ROOT_ANY 0ull

/*
 * tlb_use_root() - this core goes on with other page tables. Context: interrupts off, own core, no
 * poll in between. Cost: one comparison when they are the same; else two stores and a CR3 load.
 */
static ALWAYS_INLINE void tlb_use_root(struct cpu *cpu, paddr_t root)
{
    if (root == TLB_ROOT_ANY ||
        root == atomic_load_explicit(&cpu->active_root, memory_order_relaxed)) {
        return;
    }
    atomic_store_explicit(&cpu->active_root, TLB_ROOT_CHANGING, memory_order_relaxed);
    mmu_switch_root(root, &cpu->active_root); /* serialises: S4 of tlb.c */
}

/*
 * tlb_flush() - no core uses an old translation of [va, va + bytes) of the space with this root any
 * more. More than 32 pages flush everything. Returns when every core concerned has acknowledged
 * (core_poll() or IPI). Context: thread, interrupts off; spins with core_poll(). Kernel addresses:
 * root 0 means all cores.
 */
void tlb_flush(paddr_t root, vaddr_t va, uint64_t bytes);

/*
 * tlb_retire() - no core has this root in CR3 any more: those that only kept it (TLB_ROOT_ANY) go
 * to the kernel's. Before its tables are freed; nothing runs in the space. As tlb_flush().
 */
void tlb_retire(paddr_t root);

/* tlb_serve() - this core's part of pending shootdowns; called by core_poll_slow() and the poll
 * IPI. Takes no lock. */
void tlb_serve(void);
