/* SPDX-License-Identifier: MIT */
/*
 * TLB shootdown. A core that has a space's root in CR3 says so in cpu->active_root, stored before
 * the (serialising) CR3 load; an initiator changes entries, fences, then asks exactly the cores
 * whose active_root matches. No masks, no locked instruction on the switch path.
 */
#pragma once

#include "base/types.h"

/* For cpu->active_root around a CR3 load: between "store TLB_ROOT_CHANGING, load CR3, store the
 * new root" the core counts as one that may hold translations of any space. */
#define TLB_ROOT_CHANGING 1ull

/*
 * tlb_flush() - no core uses an old translation of [va, va + bytes) of the space with this root any
 * more. More than 32 pages flush everything. Returns when every core concerned has acknowledged
 * (core_poll() or IPI). Context: thread, interrupts off; spins with core_poll(). Kernel addresses:
 * root 0 means all cores.
 */
void tlb_flush(paddr_t root, vaddr_t va, uint64_t bytes);

/* tlb_serve() - this core's part of pending shootdowns; called by core_poll_slow() and the poll
 * IPI. Takes no lock. */
void tlb_serve(void);
