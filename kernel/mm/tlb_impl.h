/* SPDX-License-Identifier: MIT */
/* Inside of TLB shootdown, for mm/ and kdebug's `tlb`. Protocol: tlb.c. */
#pragma once

#include "gen/layout.h"
#include "mm/tlb.h"

#define TLB_PAGES_MAX 32u /* more are flushed by reloading CR3 */

/* What a core asks of others, and what it has counted. (i) initiator, while nobody has it
 * pending  (a) atomic, see tlb.c */
struct tlb_core {
    paddr_t root;        /* (i) */
    vaddr_t va;          /* (i) */
    uint64_t bytes;      /* (i) */
    atomic_uint waiting; /* (a) cores that have not acknowledged this core's request, a bit each */
    atomic_uint pending; /* (a) cores whose request this one has to serve, a bit each */
    uint64_t flushes;    /* own core: calls of tlb_flush() */
    uint64_t shootdowns; /* own core: those that had to ask others */
    uint64_t asked;      /* own core: cores asked, in all */
    uint64_t served;     /* own core: requests of others served */
} __attribute__((aligned(64)));
static_assert(CPU_MAX <= 32, "a bit per core");

extern struct tlb_core tlb_cores[CPU_MAX];

/* tlb_flush_own() - drop this core's translations; root 0: kernel addresses; bytes TLB_RETIRE: let
 * go of the root. The only part that executes INVLPG or loads CR3. */
#define TLB_RETIRE (~0ull)
void tlb_flush_own(paddr_t root, vaddr_t va, uint64_t bytes);
