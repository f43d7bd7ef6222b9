/* SPDX-License-Identifier: MIT */
/* Inside of areas, for vm/ and kdebug's `area`. Theory: area.c. */
#pragma once

#include "sync/spinlock.h"
#include "vm/area.h"

#define AREA_NODE_BITS    9u
#define AREA_NODE_ENTRIES (1u << AREA_NODE_BITS)
#define AREA_BYTES_MAX    0x400000000000ull /* 64 TiB: half of what a space can show */

/* (c) constant after create  (l) lock */
struct area {
    struct object object;
    struct spinlock lock;
    enum area_kind kind; /* (c) */
    bool writable;       /* (c) */
    bool device;         /* (c) uncached */
    bool is_ram;         /* (c) memory that the kernel may touch through the direct map */
    uint64_t bytes;      /* (c) */
    paddr_t base;        /* (c) run, physical: the first frame */
    uint64_t *index;     /* (l) anonymous: top node of the page index; NULL: nothing touched yet */
    uint64_t resident;   /* (l) anonymous: pages that have a frame */
    unsigned levels;     /* (c) anonymous: nodes from the top to a page's frame, at least 1 */
};
static_assert(offsetof(struct area, object) == 0,
              "handles and object_put() take it for its object");

/*
 * area_find() - the frame of a page of an anonymous area, 0: none yet. Takes no lock: slots and
 * nodes only ever come (A1), and stay as long as the caller's reference or mapping keeps the area.
 */
static inline paddr_t area_find(const struct area *area, uint64_t page)
{
    const uint64_t *node = __atomic_load_n(&area->index, __ATOMIC_ACQUIRE);
    for (unsigned level = area->levels; node != NULL;) {
        level--;
        uint64_t entry = __atomic_load_n(
            &node[page >> level * AREA_NODE_BITS & (AREA_NODE_ENTRIES - 1)], __ATOMIC_ACQUIRE);
        if (level == 0) {
            return entry;
        }
        node = (const uint64_t *)entry;
    }
    return 0;
}

/*
 * area_slot_locked() - where the frame of a page of an anonymous area is noted: physical address,
 * 0: none yet. Makes the nodes that lead to it; NULL: no memory for one. REQUIRES(area->lock).
 */
uint64_t *area_slot_locked(struct area *area, uint64_t page);

/* area_own_frame() - note a frame in its slot. REQUIRES(area->lock). Pairs with the loads in
 * area_find(): who sees the frame's address sees it zeroed. */
static inline void area_own_frame(struct area *area, uint64_t *slot, paddr_t frame)
{
    __atomic_store_n(slot, frame, __ATOMIC_RELEASE);
    area->resident++;
}
