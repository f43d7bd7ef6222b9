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
 *       area, unless that has been made shorter. A guard shows nothing.
 *   V2  Each leaf lies in a mapping, shows the frame that the area (or its origin) has there, and has
 *       that mapping's flags, but for writing to shared pages (A4). A large leaf lies wholly in one
 *       live mapping of contiguous memory.
 *   V3  No leaf is both writable and executable.
 *   V4  Every table under the root has an entry: memory for tables follows use down as well as up.
 *
 * A large leaf that is cut is removed whole; what remains mapped comes back by faults, with smaller
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
#include "gen/trace_emit.h"
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

bool space_is_user_range(vaddr_t va, uint64_t bytes)
{
    return bytes != 0 && IS_ALIGNED(va | bytes, PAGE_BYTES) &&
           range_is_within(va, bytes, USER_BASE, USER_END);
}

bool space_is_protection(unsigned protection)
{
    return protection != 0 && !(protection & ~(PROT_READ | PROT_WRITE | PROT_EXEC)) &&
           !((protection & PROT_WRITE) && (protection & PROT_EXEC));
}

static status_t check_map(const struct space_view *view, vaddr_t va)
{
    unsigned protection = view->protection & ~MAP_GUARD;
    if (!space_is_protection(protection)) {
        return ERR_BAD_ARGUMENT;
    }
    if ((protection & ~(view->allowed | PROT_READ)) ||
        ((protection & PROT_WRITE) && !view->area->writable)) {
        return ERR_NO_RIGHTS;
    }
    uint64_t guard = view->protection & MAP_GUARD ? PAGE_BYTES : 0;
    if (view->bytes == 0 || !IS_ALIGNED(view->offset | view->bytes, PAGE_BYTES) ||
        !range_is_within(view->offset, view->bytes, 0, area_span(view->area)) ||
        (va != 0 && (va < guard || !space_is_user_range(va - guard, view->bytes + guard)))) {
        return ERR_RANGE;
    }
    return OK;
}

uint64_t leaf_flags_of(const struct area *area, unsigned protection)
{
    uint64_t flags = PTE_USER | PTE_ACCESSED | area->cache_flags;
    flags |= protection & PROT_WRITE ? PTE_WRITE : 0;
    flags |= protection & PROT_EXEC ? 0 : PTE_NX;
    flags |= area->is_ram ? 0 : PTE_SOFT_NO_COPY;
    return flags;
}

/* The mapping with the highest address that overlaps [va, end); NULL: none. */
static struct mapping *find_last_overlap(const struct space *space, vaddr_t va, vaddr_t end)
{
    struct mapping *mapping = mapping_of_node(tree_find_at_most(&space->mappings, end - 1));
    return mapping != NULL && mapping->end > va ? mapping : NULL;
}

/* The lowest address from `low` on that lies as the memory behind does to the boundaries of large
 * pages, so that they fit. */
static vaddr_t align_for(const struct space_view *view, vaddr_t low)
{
    uint64_t large = view->area->is_huge ? HUGE_PAGE_BYTES : LARGE_PAGE_BYTES;
    if (view->bytes < large) {
        return low;
    }
    vaddr_t va = ROUND_DOWN(low, large) + (view->area->base + view->offset) % large;
    return va >= low ? va : va + large;
}

static vaddr_t find_room(const struct space *space, const struct space_view *view, vaddr_t low)
{
    for (;;) {
        vaddr_t va = align_for(view, low + PAGE_BYTES);
        if (!range_is_within(va, view->bytes, USER_BASE, USER_END - PAGE_BYTES)) {
            return 0;
        }
        const struct mapping *obstacle =
            find_last_overlap(space, va - PAGE_BYTES, va + view->bytes + PAGE_BYTES);
        if (obstacle == NULL) {
            return va;
        }
        low = obstacle->end;
    }
}

static vaddr_t choose_locked(struct space *space, const struct space_view *view)
{
    vaddr_t va = find_room(space, view, space->choose_next);
    if (va == 0) {
        va = find_room(space, view, SPACE_CHOOSE_BASE);
    }
    if (va != 0) {
        space->choose_next = va + view->bytes;
    }
    return va;
}

static void insert_locked(struct space *space, struct mapping *mapping)
{
    bool inserted = tree_insert(&space->mappings, &mapping->node);
    VERIFY(inserted); /* V1 */
    space->mapping_count++;
}

static void insert_view_locked(struct space *space, struct mapping *mapping,
                               const struct space_view *view, vaddr_t va)
{
    unsigned protection = (view->protection & ~MAP_GUARD) | PROT_READ;
    object_get(&view->area->object);
    mapping->node.key = va;
    mapping->end = va + view->bytes;
    mapping->space = space;
    mapping->area = view->area;
    mapping->offset = view->offset;
    mapping->protection = (uint8_t)protection;
    mapping->allowed = (uint8_t)(view->allowed | PROT_READ);
    mapping->leaf_flags = leaf_flags_of(view->area, protection);
    insert_locked(space, mapping);
    area_add_mapping(view->area, mapping);
}

/* A mapping of nothing: keeps the page below va, serves no fault. */
static void insert_guard_locked(struct space *space, struct mapping *guard, vaddr_t va)
{
    guard->node.key = va - PAGE_BYTES;
    guard->end = va;
    guard->space = space;
    insert_locked(space, guard);
}

static status_t place_locked(struct space *space, const struct space_view *view, vaddr_t *va)
{
    if (*va == 0) {
        *va = choose_locked(space, view); /* with a free page on both sides */
        return *va != 0 ? OK : ERR_NO_MEMORY;
    }
    uint64_t guard = view->protection & MAP_GUARD ? PAGE_BYTES : 0;
    return find_last_overlap(space, *va - guard, *va + view->bytes) == NULL ? OK : ERR_BUSY;
}

status_t space_map(struct space *space, const struct space_view *view, vaddr_t va, vaddr_t *out_va)
{
    status_t status = check_map(view, va);
    if (status != OK) {
        return status;
    }
    struct mapping *mapping = heap_alloc(sizeof(*mapping)), *guard = NULL;
    if (mapping != NULL && (view->protection & MAP_GUARD)) {
        guard = heap_alloc(sizeof(*guard));
    }
    if (mapping == NULL || ((view->protection & MAP_GUARD) && guard == NULL)) {
        heap_free(mapping);
        return ERR_NO_MEMORY;
    }
    spinlock_acquire(&space->lock);
    status = place_locked(space, view, &va);
    if (status == OK) {
        insert_view_locked(space, mapping, view, va);
        if (guard != NULL) {
            insert_guard_locked(space, guard, va);
        }
        *out_va = va;
        trace_mm_map((uint8_t)view->protection, space->table.root, va, view->bytes);
    }
    spinlock_release(&space->lock);
    if (status != OK) {
        heap_free(mapping);
        heap_free(guard);
    }
    return status;
}

/* ---- unmap ---- */

/* The first live mapping that overlaps [va, end). */
struct mapping *space_first_live_locked(struct space *space, vaddr_t va, vaddr_t end)
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

static void trace_split(const struct space *space, vaddr_t va)
{
    uint64_t page_bytes;
    if (page_table_find(&space->table, va, &page_bytes) != NULL && !IS_ALIGNED(va, page_bytes)) {
        trace_mm_leaf_split(ALIGN_DOWN(va, page_bytes), page_bytes);
    }
}

/* Split a mapping in two at va; `rest` becomes the upper one. Cannot fail. */
static void cut_locked(struct space *space, struct mapping *mapping, vaddr_t va,
                       struct mapping *rest)
{
    *rest = (struct mapping){
        .node.key = va,
        .end = mapping->end,
        .space = space,
        .area = mapping->area,
        .offset = mapping->offset + (va - mapping_start(mapping)),
        .leaf_flags = mapping->leaf_flags,
        .protection = mapping->protection,
        .allowed = mapping->allowed,
    };
    if (rest->area != NULL) {
        object_get(&rest->area->object);
        area_add_mapping(rest->area, rest); /* before the lower part ends: Z2 of area_share.c */
    }
    mapping->end = va;
    insert_locked(space, rest);
    trace_split(space, va);
}

/* Step 1: afterwards every live mapping that overlaps the range lies inside of it. Takes all
 * memory before it changes anything. */
status_t space_cut_locked(struct space *space, vaddr_t va, vaddr_t end)
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

void space_clear_leaves_locked(struct space *space, vaddr_t va, vaddr_t end)
{
    struct list tables = LIST_INIT(tables);
    unsigned leaves = 0;
    for (vaddr_t at = va; at < end;) {
        at = page_table_clear(&space->table, at, end, &tables, &leaves);
    }
    if (leaves > 0) {
        tlb_flush(space->table.root, va, end - va);
        page_table_free_tables(&tables);
    }
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
    if (!space_is_user_range(va, bytes)) {
        return ERR_RANGE;
    }
    struct list dying = LIST_INIT(dying);
    vaddr_t end = va + bytes;
    spinlock_acquire(&space->lock);
    status_t status = space_first_live_locked(space, va, end) != NULL
                          ? space_cut_locked(space, va, end)
                          : ERR_NOT_FOUND;
    if (status != OK) {
        spinlock_release(&space->lock);
        return status;
    }
    for (struct mapping *mapping; (mapping = space_first_live_locked(space, va, end)) != NULL;) {
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
    trace_mm_unmap(space->table.root, end - bytes, bytes);
    list_for_each_safe (node, next, &dying) {
        struct mapping *mapping = LIST_ENTRY(node, struct mapping, link);
        if (mapping->area != NULL) {
            area_remove_mapping(mapping->area, mapping);
            /* May free the area's frames: no core has a translation left. */
            object_put(&mapping->area->object);
        }
        heap_free(mapping);
    }
    return OK;
}
