/* SPDX-License-Identifier: MIT */
/*
 * Process-context identifiers: translations of several spaces stay in a core's TLB, and a core that comes back to a space
 * finds its own again.
 *
 * Each core gives its PCIDs 1 to PCID_SLOTS to the roots it had last. A change of a space's entries is counted, for the space's
 * root; a core that comes back to a root and finds another count than when it was there last drops what it kept.
 *
 *   Q1  A change is counted after the entries have changed and before the fence behind which the initiator looks who has the space
 *       (S4 of mm/tlb.c). A core says that it is changing roots, fences, then reads the count. So either the initiator sees the core
 *       and asks it, or the core sees the count.
 *   Q2  What a PCID still holds of a root it had before is dropped when it is given away.
 *   Q3  Translations of kernel addresses are global. A change of theirs counts for all roots: above the pages lie tables, whose
 *       cached entries are not global.
 *
 * Counts are kept by a hash of the root: two spaces that share one drop more than they had to, never less. They only grow, also when a
 * root is freed and used again.
 *
 * Where the CPU has no PCIDs, CR3 is loaded as before, by the same two instructions: pcid_init() patches them only where they are wanted.
 *
 * Source: Intel SDM vol. 3A "Process-Context Identifiers (PCIDs)", "Operations that Invalidate TLBs and Paging-Structure Caches".
 */
#pragma once

#include "base/types.h"
#include "gen/layout.h"

#define PCID_SLOTS   8u
#define PCID_BUCKETS 256u
#define PCID_KEEP    (1ull << 63) /* of a value for CR3: drop nothing */
#define PCID_MASK    0xfffull

/* What a core's PCIDs are used for; slot i is PCID i + 1. (o) */
struct pcid_core {
    struct {
        paddr_t root;
        uint64_t changes; /* of the root, when it was entered last */
    } slot[PCID_SLOTS];
    uint32_t next;    /* slot to give away */
    uint64_t kept;    /* roots entered with what was kept of them, */
    uint64_t dropped; /* and with nothing */
} __attribute__((aligned(64)));

extern struct pcid_core pcid_cores[CPU_MAX];
extern bool pcid_in_use; /* (b) */

/*
 * pcid_init() - use PCIDs if the CPU has them and they are not unwanted (0). Wanted (1) on a CPU without them: all is done as with
 * them, but each CR3 load drops everything; for tests. Context: boot core, before any other runs.
 */
enum pcid_wish { PCID_UNWANTED, PCID_WANTED, PCID_IF_THERE };
void pcid_init(enum pcid_wish wish);

/* pcid_count_change() - Q1: entries of the space with this root have changed; 0: of kernel addresses. Context: any. */
void pcid_count_change(paddr_t root);

/*
 * pcid_enter() - the value for CR3 with which a core goes on with a root. Context: that core, interrupts off, after it has said
 * that it is changing roots. Cost: a look at each slot and a fence.
 */
uint64_t pcid_enter(struct pcid_core *core, paddr_t root);
