/* SPDX-License-Identifier: MIT */
/*
 * Areas: create, find a page's frame, destroy.
 *
 * An anonymous area owns its frames, whoever maps it: pages live as long as the area, and all
 * spaces that map it see the same ones. They are noted in a page index, a radix tree of 512-way
 * nodes that grows with use:
 *
 *      levels = 2:   index -> | node | NULL | node | ...        interior: address of a node, or 0
 *                                |
 *                                +-> | frame | 0 | frame | ...   lowest: physical address, or 0
 *
 * An area of up to 512 pages has only the lowest node, and that no longer than it has pages.
 *
 *   A1  A slot goes from 0 to a frame once and then never changes, and nodes only come, until the
 *       area is destroyed.
 *   A2  resident = slots that are not 0.
 *   A3  Frames of an area have one reference, the area's.
 *
 * Locks: area->lock (rank AREA) is for adding to the index; a space that maps the area takes it
 * under its own. Looking up needs none, by A1.
 */
#include "vm/area.h"

#include "arch/mmu.h"
#include "base/assert.h"
#include "base/string.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "sched/thread.h"
#include "vm/area_impl.h"

#define PAGES_PER_STEP  4u  /* 16 KiB of zeroing between preemption points */
#define FRAMES_PER_STEP 64u /* about as long, freeing */

static bool is_valid_size(uint64_t bytes)
{
    return bytes != 0 && IS_ALIGNED(bytes, FRAME_BYTES) && bytes <= AREA_BYTES_MAX;
}

static struct area *create_area(enum area_kind kind, uint64_t bytes)
{
    struct area *area = heap_alloc(sizeof(*area));
    if (area != NULL) {
        object_init(&area->object, OBJECT_AREA);
        spinlock_init(&area->lock, "area", LOCK_RANK_AREA);
        area->kind = kind;
        area->bytes = bytes;
        area->writable = true;
        area->is_ram = true;
    }
    return area;
}

status_t area_create_anonymous(uint64_t bytes, struct area **out)
{
    if (!is_valid_size(bytes)) {
        return ERR_RANGE;
    }
    struct area *area = create_area(AREA_ANONYMOUS, bytes);
    if (area == NULL) {
        return ERR_NO_MEMORY;
    }
    area->levels = 1;
    while (bytes / FRAME_BYTES > 1ull << area->levels * AREA_NODE_BITS) {
        area->levels++;
    }
    *out = area;
    return OK;
}

status_t area_create_run(uint64_t bytes, struct area **out)
{
    if (!is_valid_size(bytes) || bytes > FRAME_BYTES << FRAME_ORDER_MAX) {
        return ERR_RANGE;
    }
    struct area *area = create_area(AREA_RUN, bytes);
    if (area == NULL) {
        return ERR_NO_MEMORY;
    }
    area->base = frame_alloc_run(bytes / FRAME_BYTES, FRAME_LIMIT_NONE, FRAME_USER);
    if (area->base == 0) {
        heap_free(area);
        return ERR_NO_MEMORY;
    }
    for (uint64_t page = 0; page < bytes / FRAME_BYTES; page++) {
        page_zero(phys_to_virt(area->base + page * FRAME_BYTES));
        if (page % PAGES_PER_STEP == PAGES_PER_STEP - 1) {
            preempt_point();
        }
    }
    *out = area;
    return OK;
}

status_t area_create_physical(paddr_t base, uint64_t bytes, bool writable, bool device,
                              struct area **out)
{
    if (!is_valid_size(bytes) || !IS_ALIGNED(base, FRAME_BYTES) || base > PTE_ADDRESS ||
        bytes > PTE_ADDRESS - base) {
        return ERR_RANGE;
    }
    struct area *area = create_area(AREA_PHYSICAL, bytes);
    if (area == NULL) {
        return ERR_NO_MEMORY;
    }
    area->base = base;
    area->writable = writable;
    area->device = device;
    area->is_ram = !device && frame_is_ram(base) && frame_is_ram(base + bytes - 1);
    *out = area;
    return OK;
}

uint64_t area_bytes(const struct area *area)
{
    return area->bytes;
}

paddr_t area_physical(const struct area *area)
{
    return area->base;
}

/* ---- the page index ---- */

/* Entries of the lowest node: 512, or as many as a small area has pages. */
static uint64_t lowest_entries(const struct area *area)
{
    return MIN(area->bytes / FRAME_BYTES, (uint64_t)AREA_NODE_ENTRIES);
}

static uint64_t *create_node(const struct area *area, unsigned level)
{
    uint64_t entries = level == 0 ? lowest_entries(area) : AREA_NODE_ENTRIES;
    if (entries < AREA_NODE_ENTRIES / 2) {
        return heap_alloc(entries * sizeof(uint64_t));
    }
    paddr_t pa = frame_alloc_zeroed(FRAME_HEAP);
    return pa != 0 ? phys_to_virt(pa) : NULL;
}

static void free_node(const struct area *area, uint64_t *node, unsigned level)
{
    if (level == 0 && lowest_entries(area) < AREA_NODE_ENTRIES / 2) {
        heap_free(node);
    } else {
        frame_free(virt_to_phys(node), 0);
    }
}

uint64_t *area_slot_locked(struct area *area, uint64_t page)
{
    uint64_t *link = (uint64_t *)&area->index; /* entry that the node hangs on */
    for (unsigned level = area->levels; level > 0;) {
        level--;
        if (*link == 0) {
            uint64_t *node = create_node(area, level);
            if (node == NULL) {
                return NULL;
            }
            __atomic_store_n(link, (uint64_t)node,
                             __ATOMIC_RELEASE); /* zeroed before area_find() can see it */
        }
        link = (uint64_t *)*link + (page >> level * AREA_NODE_BITS & (AREA_NODE_ENTRIES - 1));
    }
    return link;
}

/* ---- the end ---- */

/* Free what a node leads to, and the node. *count of frames since the last preemption point. */
static void destroy_node(const struct area *area, uint64_t *node, unsigned level, unsigned *count)
{
    uint64_t entries = level == 0 ? lowest_entries(area) : AREA_NODE_ENTRIES;
    for (uint64_t i = 0; i < entries; i++) {
        if (node[i] == 0) {
            continue;
        }
        if (level > 0) {
            destroy_node(area, (uint64_t *)node[i], level - 1, count);
            continue;
        }
        frame_put(node[i]);
        if (++*count == FRAMES_PER_STEP) {
            *count = 0;
            preempt_point();
        }
    }
    free_node(area, node, level);
}

void area_destroy(struct object *object)
{
    struct area *area = CONTAINER_OF(object, struct area, object);
    unsigned count = 0;
    if (area->kind == AREA_RUN) {
        frame_free_run(area->base, area->bytes / FRAME_BYTES);
    } else if (area->index != NULL) {
        destroy_node(area, area->index, area->levels - 1, &count);
    }
    heap_free(area);
}
