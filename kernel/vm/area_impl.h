/* SPDX-License-Identifier: MIT */
/* Inside of areas, for vm/ and kdebug's `area`. Theory: area.c. */
#pragma once

#include "sync/spinlock.h"
#include "vm/area.h"

#define AREA_NODE_ENTRIES 512u
#define AREA_BYTES_MAX    0x400000000000ull /* 64 TiB: half of what a space can show */

/* (c) constant after create  (l) lock */
struct area {
    struct object object;
    struct spinlock lock;
    enum area_kind kind;      /* (c) */
    bool writable;            /* (c) */
    bool device;              /* (c) uncached */
    bool is_ram;              /* (c) memory that the kernel may touch through the direct map */
    uint64_t bytes;           /* (c) */
    paddr_t base;             /* (c) run, physical: the first frame */
    uint64_t *index;          /* (l) anonymous: top node of the page index; NULL: nothing touched yet */
    uint64_t resident;        /* (l) anonymous: pages that have a frame */
    unsigned levels;          /* (c) anonymous: nodes from the top to a page's frame, at least 1 */
};
static_assert(offsetof(struct area, object) == 0, "handles and object_put() take it for its object");

/*
 * area_slot_locked() - where the frame of a page of an anonymous area is noted: physical address, 0: none yet.
 * NULL: no memory for a node, or with create == false, no node. REQUIRES(area->lock).
 */
uint64_t *area_slot_locked(struct area *area, uint64_t page, bool create);
