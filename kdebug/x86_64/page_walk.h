/* SPDX-License-Identifier: MIT */
/* Page walks in software: through physical reads of the target, so the MMU is neither asked nor
 * changed. */
#pragma once

#include "base/types.h"

#define KD_WALK_LEVELS 4u

struct kd_walk {
    unsigned levels; /* entries read: 1 .. 4 */
    uint64_t
        entry[KD_WALK_LEVELS]; /* from the top; the last one read is the leaf, or not present */
    paddr_t entry_at[KD_WALK_LEVELS];
    bool present;
    paddr_t physical; /* of the address itself, when present */
    uint64_t page_bytes;
    /* PTE_WRITE and PTE_USER if every level allows it, PTE_NX if one forbids, rest of the leaf. */
    uint64_t flags;
};

/* kd_walk() - translate an address. ERR_BAD_ADDRESS: not canonical, or a table lies outside of
 * RAM; else OK, see present. */
status_t kd_walk(paddr_t root, vaddr_t va, struct kd_walk *out);
