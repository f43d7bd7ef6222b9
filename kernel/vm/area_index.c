/* SPDX-License-Identifier: MIT */
/*
 * The page index of an anonymous area: a radix tree of 512-way nodes that grows with use.
 *
 *      levels = 2:   index -> | node | 0 | large | ...       a node; or 2 MiB in one frame, tagged
 *                                |
 *                                +-> | frame | 0 | paged | ...   lowest: physical address, tagged or not, or 0
 *
 * An area of less than 512 pages has only a lowest node, and that no longer than it has pages. From
 * 512 pages on there is a level above, where a large frame can stand in for a node.
 *
 * A large frame is split into single ones, which keep their places, when one of its pages is to
 * be shared, or cut off.
 */
#include "arch/mmu.h"
#include "base/assert.h"
#include "base/string.h"
#include "base/words.h"
#include "gen/trace_emit.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "sched/thread.h"
#include "vm/area_impl.h"
#include "vm/pager_impl.h"

#define FRAMES_PER_STEP 64u /* freed between preemption points: about as long as zeroing 16 KiB */
#define LARGE_ORDER     AREA_NODE_BITS

static unsigned entries_at(const struct area *area, unsigned level)
{
    return level == 0 ? area->lowest_entries : AREA_NODE_ENTRIES;
}

static uint64_t *create_node(unsigned entries)
{
    if (entries < AREA_NODE_ENTRIES / 2) {
        return heap_alloc(entries * sizeof(uint64_t));
    }
    paddr_t pa = frame_alloc_zeroed(FRAME_HEAP);
    return pa != 0 ? phys_to_virt(pa) : NULL;
}

static void free_node(uint64_t *node, unsigned entries)
{
    if (entries < AREA_NODE_ENTRIES / 2) {
        heap_free(node);
    } else {
        frame_free(virt_to_phys(node), 0);
    }
}

static void free_empty_node(uint64_t *node, unsigned entries)
{
    if (entries < AREA_NODE_ENTRIES / 2) {
        heap_free(node);
    } else {
        frame_free_zeroed(virt_to_phys(node));
    }
}

/* The frames stay where they are: only their description changes. */
static bool split_large(struct area *area, uint64_t *entry, uint64_t page)
{
    paddr_t base = *entry & ~AREA_LARGE;
    uint64_t *node = create_node(AREA_NODE_ENTRIES);
    if (node == NULL) {
        return false;
    }
    for (unsigned i = 0; i < AREA_NODE_ENTRIES; i++) {
        node[i] = base + i * PAGE_BYTES;
    }
    frame_split(base, LARGE_ORDER);
    area->nodes++;
    __atomic_store_n(entry, (uint64_t)node, __ATOMIC_RELEASE);
    trace_mm_run_split(area->object.id, ROUND_DOWN(page, (uint64_t)AREA_NODE_ENTRIES));
    return true;
}

/* Go down to the entry for a page in a node of to_level, making nodes. NULL: no memory. */
static uint64_t *descend(struct area *area, uint64_t page, unsigned to_level)
{
    uint64_t *link = (uint64_t *)&area->index; /* entry that the node hangs on */
    for (unsigned level = area->levels; level > to_level;) {
        level--;
        if (*link == 0) {
            uint64_t *node = create_node(entries_at(area, level));
            if (node == NULL) {
                return NULL;
            }
            area->nodes++;
            /* Zeroed before area_find() can see it. */
            __atomic_store_n(link, (uint64_t)node, __ATOMIC_RELEASE);
        }
        if ((*link & AREA_LARGE) && !split_large(area, link, page)) {
            return NULL;
        }
        link = (uint64_t *)*link + (page >> level * AREA_NODE_BITS & (AREA_NODE_ENTRIES - 1));
    }
    return link;
}

uint64_t *area_slot_locked(struct area *area, uint64_t page)
{
    return descend(area, page, 0);
}

uint64_t *area_large_slot_locked(struct area *area, uint64_t page)
{
    return area->levels > 1 ? descend(area, page, 1) : NULL;
}

/* A lowest node that is too short for the length to come is replaced by a full one. */
static bool lengthen_lowest(struct area *area)
{
    uint64_t *old = area->index;
    if (old != NULL) {
        uint64_t *node = create_node(AREA_NODE_ENTRIES);
        if (node == NULL) {
            return false;
        }
        memcpy(node, old, area->lowest_entries * sizeof(uint64_t));
        free_node(old, area->lowest_entries);
        area->index = node;
    }
    area->lowest_entries = AREA_NODE_ENTRIES;
    return true;
}

bool area_index_grow_locked(struct area *area, uint64_t pages)
{
    if (pages > area->lowest_entries && area->lowest_entries < AREA_NODE_ENTRIES &&
        !lengthen_lowest(area)) {
        return false;
    }
    while (pages > 1ull << area->levels * AREA_NODE_BITS) {
        if (area->index != NULL) {
            uint64_t *top = create_node(AREA_NODE_ENTRIES);
            if (top == NULL) {
                return false; /* a level more than needed does no harm */
            }
            top[0] = (uint64_t)area->index;
            area->nodes++;
            area->index = top;
        }
        area->levels++;
    }
    return true;
}

/*
 * The lowest entry that there is for a page; NULL: the index is empty. *out_level: what it stands
 * for, 0 a page; above, a large frame or a hole.
 */
static uint64_t *find_entry(struct area *area, uint64_t page, unsigned *out_level)
{
    uint64_t *node = area->index;
    uint64_t *entry = NULL;
    for (unsigned level = area->levels; node != NULL && level > 0;) {
        level--;
        entry = &node[page >> level * AREA_NODE_BITS & (AREA_NODE_ENTRIES - 1)];
        *out_level = level;
        node = *entry & AREA_LARGE ? NULL : (uint64_t *)*entry;
    }
    return entry;
}

/* What an entry stands for goes: frames, or the claim to what the pager has. */
static void drop_entry(struct area *area, uint64_t entry, unsigned level)
{
    if (level > 0) {
        frame_put(entry & ~AREA_LARGE);
        area_count_resident(area, -(int64_t)AREA_NODE_ENTRIES);
    } else if (area_is_out(entry)) {
        pager_page_gone_locked(area);
    } else {
        frame_put(area_leaving_frame(entry));
        area_count_resident(area, -1);
    }
}

void area_index_cut_locked(struct area *area, uint64_t first, uint64_t end)
{
    for (uint64_t page = first; page < end && area->index != NULL;) {
        unsigned level = 0;
        uint64_t *entry = find_entry(area, page, &level);
        uint64_t pages = 1ull << level * AREA_NODE_BITS;
        if (*entry != 0) {
            VERIFY(page % pages == 0 && end - page >= pages); /* split before */
            drop_entry(area, *entry, level);
            *entry = 0;
        }
        page = ROUND_DOWN(page, pages) + pages;
    }
}

/* Is there anything to be found in a node of this level, when it and those above it are `open` nodes? */
static bool has_more(const struct area *area, unsigned level, unsigned open)
{
    return area->resident != 0 || area->paged_out != 0 || (level > 0 && area->nodes > open);
}

/* Free what a node leads to, and the node. *count of frames since the last preemption point. Most areas are nearly empty, so
 * it does not look further than there is something. */
static void destroy_node(struct area *area, uint64_t *node, unsigned level, unsigned open,
                         unsigned *count)
{
    const unsigned entries = entries_at(area, level);
    uint64_t *at = node;
    while (has_more(area, level, open) &&
           (at = words_skip_zeros(at, node + entries)) < node + entries) {
        uint64_t entry = *at;
        *at = 0;
        if (level > 0 && !(entry & AREA_LARGE)) {
            destroy_node(area, (uint64_t *)entry, level - 1, open + 1, count);
        } else {
            drop_entry(area, entry, level);
            if (++*count == FRAMES_PER_STEP) {
                *count = 0;
                preempt_point();
            }
        }
    }
    area->nodes--;
    free_empty_node(node, entries);
}

void area_index_destroy(struct area *area)
{
    unsigned count = 0;
    if (area->index != NULL) {
        destroy_node(area, area->index, area->levels - 1, 1, &count);
        ASSERT(area->nodes == 0);
    }
}
