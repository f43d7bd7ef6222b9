/* SPDX-License-Identifier: MIT */
/*
 * Spaces: map and unmap.
 *
 * A space is a tree of mappings, by address, and a page table that faults fill in (fault.c).
 * Mapping only enters the tree; unmapping has to take leaves out again, on all cores, and may be
 * long, so it goes in three steps:
 *
 *      1  cut mappings at both ends of the range and mark those inside as dying; all that can
 *         fail comes before any change; one hold of the lock
 *      2  clear their leaves, flush TLBs, free emptied tables; the lock is let go every few tables
 *      3  take them out of the tree; then, without the lock, drop the areas
 *
 * A dying mapping keeps its addresses, so nobody can map there before the old translations are gone
 * from every core, and serves no fault. Frames belong to areas, and an area is dropped last: so no
 * frame is reused while a core can still reach it.
 *
 *   V1  Mappings do not overlap; bounds are page aligned and in user space; each lies inside of its
 *       area.
 *   V2  Each leaf lies in a mapping, shows the frame that the area has there, and has that
 *       mapping's flags. A leaf of 2 MiB lies wholly in one live mapping of contiguous memory.
 *   V3  No leaf is both writable and executable.
 *   V4  Every table under the root has an entry: memory for tables follows use down as well as up.
 *
 * A 2 MiB leaf that is cut is removed whole; what remains mapped comes back by faults, with smaller
 * pages. That way a split needs no memory for a table, and unmapping cannot fail half-way.
 *
 * Addresses are chosen upwards from the last choice (next fit), with a free page on both sides: an
 * address is not reused soon, so a stale pointer faults, and each search takes one look-up.
 *
 * Locks: space->lock (rank SPACE). Areas' locks come after it.
 */
#include "vm/space.h"

#include "abi/memory.h"
#include "base/assert.h"
#include "base/checked.h"
#include "mm/heap.h"
#include "mm/tlb.h"
#include "sched/thread.h"
#include "vm/space_impl.h"

#define CLEARS_PER_STEP                                                                            \
    4u /* page_table_clear() between two chances for others: up to 2048 entries */

status_t space_create(struct space **out)
{
    struct space *space = heap_alloc(sizeof(*space));
    if (space == NULL) {
        return ERR_NO_MEMORY;
    }
    status_t status = page_table_create(&space->table);
    if (status != OK) {
        heap_free(space);
        return status;
    }
    spinlock_init(&space->lock, "space", LOCK_RANK_SPACE);
    space->choose_next = SPACE_CHOOSE_BASE;
    *out = space;
    return OK;
}

void space_destroy(struct space *space)
{
    status_t status =
        space_unmap(space, USER_BASE, USER_END - USER_BASE); /* whole mappings: no cut, no memory */
    VERIFY(status == OK || status == ERR_NOT_FOUND);
    tlb_retire(space->table.root);
    page_table_destroy(&space->table);
    heap_free(space);
}

paddr_t space_root(const struct space *space)
{
    return space->table.root;
}

/* ---- map ---- */

static bool is_user_range(vaddr_t va, uint64_t bytes)
{
    return bytes != 0 && IS_ALIGNED(va | bytes, PAGE_BYTES) &&
           range_is_within(va, bytes, USER_BASE, USER_END);
}

static status_t check_map(const struct area *area, uint64_t offset, uint64_t bytes, vaddr_t va,
                          unsigned protection)
{
    if (protection == 0 || (protection & ~(PROT_READ | PROT_WRITE | PROT_EXEC)) ||
        ((protection & PROT_WRITE) && (protection & PROT_EXEC))) {
        return ERR_BAD_ARGUMENT;
    }
    if ((protection & PROT_WRITE) && !area->writable) {
        return ERR_NO_RIGHTS;
    }
    if (bytes == 0 || !IS_ALIGNED(offset | bytes, PAGE_BYTES) ||
        !range_is_within(offset, bytes, 0, area->bytes) || (va != 0 && !is_user_range(va, bytes))) {
        return ERR_RANGE;
    }
    return OK;
}

static uint64_t leaf_flags(const struct area *area, unsigned protection)
{
    uint64_t flags = PTE_USER | PTE_ACCESSED;
    flags |= protection & PROT_WRITE ? PTE_WRITE : 0;
    flags |= protection & PROT_EXEC ? 0 : PTE_NX;
    flags |= area->device ? PTE_PCD : 0;
    flags |= area->is_ram ? 0 : PTE_SOFT_NO_COPY;
    return flags;
}

/* The mapping with the highest address that overlaps [va, end); NULL: none. */
static struct mapping *find_last_overlap(const struct space *space, vaddr_t va, vaddr_t end)
{
    struct mapping *mapping = mapping_of_node(tree_find_at_most(&space->mappings, end - 1));
    return mapping != NULL && mapping->end > va ? mapping : NULL;
}

/* The lowest address from `low` on that lies on a 2 MiB boundary when the memory behind does, so
 * that large pages fit. */
static vaddr_t align_for(const struct area *area, uint64_t offset, uint64_t bytes, vaddr_t low)
{
    if (bytes < LARGE_PAGE_BYTES) {
        return low;
    }
    uint64_t phase = (area->base + offset) % LARGE_PAGE_BYTES;
    vaddr_t va = ROUND_DOWN(low, LARGE_PAGE_BYTES) + phase;
    return va >= low ? va : va + LARGE_PAGE_BYTES;
}

static vaddr_t find_room(const struct space *space, const struct area *area, uint64_t offset,
                         uint64_t bytes, vaddr_t low)
{
    for (;;) {
        vaddr_t va = align_for(area, offset, bytes, low + PAGE_BYTES);
        if (!range_is_within(va, bytes, USER_BASE, USER_END - PAGE_BYTES)) {
            return 0;
        }
        const struct mapping *obstacle =
            find_last_overlap(space, va - PAGE_BYTES, va + bytes + PAGE_BYTES);
        if (obstacle == NULL) {
            return va;
        }
        low = obstacle->end;
    }
}

static vaddr_t choose_locked(struct space *space, const struct area *area, uint64_t offset,
                             uint64_t bytes)
{
    vaddr_t va = find_room(space, area, offset, bytes, space->choose_next);
    if (va == 0) {
        va = find_room(space, area, offset, bytes, SPACE_CHOOSE_BASE);
    }
    if (va != 0) {
        space->choose_next = va + bytes;
    }
    return va;
}

static void insert_locked(struct space *space, struct mapping *mapping)
{
    bool inserted = tree_insert(&space->mappings, &mapping->node);
    VERIFY(inserted); /* V1 */
    space->mapping_count++;
}

status_t space_map(struct space *space, struct area *area, uint64_t offset, uint64_t bytes,
                   vaddr_t va, unsigned protection, vaddr_t *out_va)
{
    status_t status = check_map(area, offset, bytes, va, protection);
    if (status != OK) {
        return status;
    }
    struct mapping *mapping = heap_alloc(sizeof(*mapping));
    if (mapping == NULL) {
        return ERR_NO_MEMORY;
    }
    spinlock_acquire(&space->lock);
    if (va == 0) {
        va = choose_locked(space, area, offset, bytes);
        status = va != 0 ? OK : ERR_NO_MEMORY;
    } else if (find_last_overlap(space, va, va + bytes) != NULL) {
        status = ERR_BUSY;
    }
    if (status == OK) {
        object_get(&area->object);
        mapping->node.key = va;
        mapping->end = va + bytes;
        mapping->area = area;
        mapping->offset = offset;
        mapping->protection = (uint8_t)(protection | PROT_READ);
        mapping->leaf_flags = leaf_flags(area, protection);
        insert_locked(space, mapping);
        *out_va = va;
    }
    spinlock_release(&space->lock);
    if (status != OK) {
        heap_free(mapping);
    }
    return status;
}

/* ---- unmap ---- */

/* The first live mapping that overlaps [va, end). */
static struct mapping *first_live_locked(struct space *space, vaddr_t va, vaddr_t end)
{
    struct mapping *mapping = mapping_of_node(tree_find_at_most(&space->mappings, va));
    if (mapping == NULL) {
        mapping = space_first(space);
    }
    for (; mapping != NULL && mapping_start(mapping) < end; mapping = space_next(mapping)) {
        if (mapping->end > va && !mapping->dying) {
            return mapping;
        }
    }
    return NULL;
}

/* The live mapping that has va inside, not at its start. */
static struct mapping *find_to_cut_locked(struct space *space, vaddr_t va)
{
    struct mapping *mapping = mapping_of_node(tree_find_at_most(&space->mappings, va));
    bool is_inside = mapping != NULL && mapping_start(mapping) < va && va < mapping->end;
    return is_inside && !mapping->dying ? mapping : NULL;
}

/* Split a mapping in two at va; `rest` becomes the upper one. Cannot fail. */
static void cut_locked(struct space *space, struct mapping *mapping, vaddr_t va,
                       struct mapping *rest)
{
    object_get(&mapping->area->object);
    *rest = (struct mapping){
        .node.key = va,
        .end = mapping->end,
        .area = mapping->area,
        .offset = mapping->offset + (va - mapping_start(mapping)),
        .leaf_flags = mapping->leaf_flags,
        .protection = mapping->protection,
    };
    mapping->end = va;
    insert_locked(space, rest);
}

/* Step 1: afterwards every live mapping that overlaps the range lies inside of it. Takes all
 * memory before it changes anything. */
static status_t cut_both_ends_locked(struct space *space, vaddr_t va, vaddr_t end)
{
    struct mapping *low_rest = NULL, *high_rest = NULL;
    if (find_to_cut_locked(space, va) != NULL) {
        low_rest = heap_alloc(sizeof(*low_rest));
        if (low_rest == NULL) {
            return ERR_NO_MEMORY;
        }
    }
    if (find_to_cut_locked(space, end) != NULL) {
        high_rest = heap_alloc(sizeof(*high_rest));
        if (high_rest == NULL) {
            heap_free(low_rest);
            return ERR_NO_MEMORY;
        }
    }
    if (low_rest != NULL) {
        cut_locked(space, find_to_cut_locked(space, va), va, low_rest);
    }
    if (high_rest != NULL) {
        cut_locked(space, find_to_cut_locked(space, end), end, high_rest);
    }
    return OK;
}

/* Step 2 for one mapping. Lets go of the lock in between; the mapping is dying, so it stays as
 * it is. */
static void clear_mapping_locked(struct space *space, const struct mapping *mapping)
{
    vaddr_t va = mapping_start(mapping);
    while (va < mapping->end) {
        struct list tables = LIST_INIT(tables);
        vaddr_t from = va;
        unsigned leaves = 0;
        for (unsigned i = 0; i < CLEARS_PER_STEP && va < mapping->end; i++) {
            va = page_table_clear(&space->table, va, mapping->end, &tables, &leaves);
        }
        if (leaves > 0) {
            tlb_flush(space->table.root, from, va - from);
            page_table_free_tables(&tables);
        }
        if (va < mapping->end) {
            spinlock_release(&space->lock);
            preempt_point();
            spinlock_acquire(&space->lock);
        }
    }
}

/* Step 3. */
static void remove_locked(struct space *space, struct mapping *mapping)
{
    tree_remove(&space->mappings, &mapping->node);
    space->mapping_count--;
    if (space->recent == mapping) {
        space->recent = NULL;
    }
}

status_t space_unmap(struct space *space, vaddr_t va, uint64_t bytes)
{
    if (!is_user_range(va, bytes)) {
        return ERR_RANGE;
    }
    struct list dying = LIST_INIT(dying);
    vaddr_t end = va + bytes;
    spinlock_acquire(&space->lock);
    status_t status = first_live_locked(space, va, end) != NULL
                          ? cut_both_ends_locked(space, va, end)
                          : ERR_NOT_FOUND;
    if (status != OK) {
        spinlock_release(&space->lock);
        return status;
    }
    for (struct mapping *mapping; (mapping = first_live_locked(space, va, end)) != NULL;) {
        mapping->dying = true;
        list_push_back(&dying, &mapping->link);
        va = mapping->end;
    }
    list_for_each (node, &dying) {
        clear_mapping_locked(space, LIST_ENTRY(node, struct mapping, link));
    }
    list_for_each (node, &dying) {
        remove_locked(space, LIST_ENTRY(node, struct mapping, link));
    }
    spinlock_release(&space->lock);
    list_for_each_safe (node, next, &dying) {
        struct mapping *mapping = LIST_ENTRY(node, struct mapping, link);
        /* May free the area's frames: no core has a translation left. */
        object_put(&mapping->area->object);
        heap_free(mapping);
    }
    return OK;
}
