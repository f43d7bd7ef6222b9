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
 *      3  take them out of tree and list; then, without the lock, drop the areas
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
 * Locks: space->lock (rank SPACE), which one core owns or many share (sync/shared_lock.h). Areas' locks come after it.
 *
 *   E1  Who changes mappings, takes leaves or rights away, or frees tables, owns the lock.
 *   E2  Who shares it may look, and only add: a table or a leaf where there is none, the right to write to a leaf that has lost the
 *       reason to be without; all by compare-and-swap. One thing may change: a leaf that cannot be written to, of a page that only
 *       its mapping shows, gets the frame of a copy, under the area's lock. The slot changes first, then the leaf, then
 *       every core's TLB; then the frame may be reused. Who finds slot and leaf apart looks again.
 *   E3  So who shares the lock may use a writable leaf's frame through the direct map; for another's he must own it, or read it as
 *       user mode would, through the TLB, whose flush waits for him.
 *
 * `check mm` verifies V1 to V4. E1 to E3 are about who holds the lock while something happens; what a breach leaves behind breaks
 * V2, P1 or A2, or is a translation that the program `memory` finds.
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
    shared_lock_init(&space->lock, "space", LOCK_RANK_SPACE);
    list_init(&space->in_order);
    space->choose_next = SPACE_CHOOSE_BASE;
    *out = space;
    return OK;
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
    unsigned protection = view->protection & ~MAP_FLAGS;
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
static struct mapping *find_last_overlap(struct space *space, vaddr_t va, vaddr_t end)
{
    struct mapping *mapping = space_find_at_most_locked(space, end - 1);
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

static vaddr_t find_room(struct space *space, const struct space_view *view, vaddr_t low)
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

static void insert_view_locked(struct mapping *mapping, const struct space_view *view, vaddr_t va)
{
    unsigned protection = (view->protection & ~MAP_FLAGS) | PROT_READ;
    object_get(&view->area->object);
    mapping->node.key = va;
    mapping->end = va + view->bytes;
    mapping->offset = view->offset;
    mapping->protection = (uint8_t)protection;
    mapping->allowed = (uint8_t)(view->allowed | PROT_READ);
    mapping->leaf_flags = leaf_flags_of(view->area, protection);
    mapping_enter_locked(mapping);
    mapping->space->recent = mapping; /* the next fault is likely to be here */
    area_add_mapping(view->area, mapping);
}

/* A mapping of nothing: keeps the page below va, serves no fault. */
static void insert_guard_locked(struct mapping *guard, vaddr_t va)
{
    guard->node.key = va - PAGE_BYTES;
    guard->end = va;
    mapping_enter_locked(guard);
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

/* The mapping that ends at va, if the view goes on where it stops, with the same rights. NULL: there is none. */
static struct mapping *find_to_extend_locked(struct space *space, const struct space_view *view,
                                             vaddr_t va)
{
    struct mapping *low = space_find_at_most_locked(space, va - 1);
    if (low == NULL || low->end != va || low->area != view->area || low->dying != NULL) {
        return NULL;
    }
    unsigned protection = view->protection | PROT_READ;
    bool goes_on = low->offset + (va - mapping_start(low)) == view->offset;
    return goes_on && low->protection == (protection & ~MAP_PRESENT) &&
                   low->allowed == (view->allowed | PROT_READ)
               ? low
               : NULL;
}

/* A mapping of its own, and its guard. */
static status_t add_view_locked(struct space *space, const struct space_view *view, vaddr_t va)
{
    struct mapping *mapping = mapping_create(space, view->area);
    if (mapping == NULL) {
        return ERR_NO_MEMORY;
    }
    if (view->protection & MAP_GUARD) {
        struct mapping *guard = mapping_create(space, NULL);
        if (guard == NULL) {
            mapping_free(mapping);
            return ERR_NO_MEMORY;
        }
        insert_guard_locked(guard, va);
    }
    insert_view_locked(mapping, view, va);
    return OK;
}

static status_t show_view_locked(struct space *space, const struct space_view *view, vaddr_t va)
{
    struct mapping *low = find_to_extend_locked(space, view, va);
    status_t status = OK;
    if (low != NULL) {
        /* With a fence: who freezes pages marks them, then looks at the end (Z2); we look whether they are marked after this. */
        (void)__atomic_exchange_n(&low->end, va + view->bytes, __ATOMIC_SEQ_CST);
    } else {
        status = add_view_locked(space, view, va);
    }
    if (status == OK && (view->protection & MAP_PRESENT)) {
        space_show_present_locked(space, va, va + view->bytes);
    }
    return status;
}

status_t space_map(struct space *space, const struct space_view *view, vaddr_t va, vaddr_t *out_va)
{
    status_t status = check_map(view, va);
    if (status != OK) {
        return status;
    }
    shared_lock_acquire(&space->lock);
    status = place_locked(space, view, &va);
    if (status == OK) {
        status = show_view_locked(space, view, va);
    }
    if (status == OK) {
        *out_va = va;
        trace_mm_map((uint8_t)view->protection, space->table.root, va, view->bytes);
    }
    shared_lock_release(&space->lock);
    return status;
}

/* ---- unmap ---- */

/* The first live mapping that overlaps [va, end). */
struct mapping *space_first_live_locked(struct space *space, vaddr_t va, vaddr_t end)
{
    struct mapping *mapping = space_find_at_most_locked(space, va);
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
    struct mapping *mapping = space_find_at_most_locked(space, va);
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
    rest->node.key = va;
    rest->end = mapping->end;
    rest->area = mapping->area;
    rest->offset = mapping->offset + (va - mapping_start(mapping));
    rest->leaf_flags = mapping->leaf_flags;
    rest->protection = mapping->protection;
    rest->allowed = mapping->allowed;
    if (rest->area != NULL) {
        object_get(&rest->area->object);
        area_add_mapping(rest->area, rest); /* before the lower part ends: Z2 of area_share.c */
    }
    mapping->end = va;
    mapping_enter_locked(rest);
    trace_split(space, va);
}

/* Step 1: afterwards every live mapping that overlaps the range lies inside of it. Takes all
 * memory before it changes anything. */
status_t space_cut_locked(struct space *space, vaddr_t va, vaddr_t end)
{
    struct mapping *low_rest = NULL, *high_rest = NULL;
    if (find_to_cut_locked(space, va) != NULL) {
        low_rest = mapping_create(space, NULL);
        if (low_rest == NULL) {
            return ERR_NO_MEMORY;
        }
    }
    if (find_to_cut_locked(space, end) != NULL) {
        high_rest = mapping_create(space, NULL);
        if (high_rest == NULL) {
            if (low_rest != NULL) {
                mapping_free(low_rest);
            }
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

/* An unmap under way, and what it has cleared since TLBs were flushed last. */
struct unmapping {
    struct list tables; /* that became empty */
    vaddr_t low, high;
    unsigned leaves;
    unsigned steps; /* page_table_clear()s */
};

static void flush_cleared_locked(struct space *space, struct unmapping *unmapping)
{
    if (unmapping->leaves > 0) {
        tlb_flush(space->table.root, unmapping->low, unmapping->high - unmapping->low);
        page_table_free_tables(&unmapping->tables);
    }
    unmapping->leaves = unmapping->steps = 0;
    unmapping->low = unmapping->high;
}

/* Step 2 for a stretch of dying mappings. Lets go of the lock in between; they stay as they are. */
static void clear_stretch_locked(struct space *space, vaddr_t va, vaddr_t end,
                                 struct unmapping *unmapping)
{
    if (unmapping->steps == 0) {
        unmapping->low = va;
    }
    while (va < end) {
        va = page_table_clear(&space->table, va, end, &unmapping->tables, &unmapping->leaves);
        unmapping->high = va;
        if (++unmapping->steps == CLEARS_PER_STEP) {
            flush_cleared_locked(space, unmapping);
            shared_lock_release(&space->lock);
            preempt_point();
            shared_lock_acquire(&space->lock);
        }
    }
}

/* Step 2 for a mapping and those that lie beside it, in one go. Returns the last of them. */
static struct mapping *clear_run_locked(struct space *space, struct mapping *mapping,
                                        struct unmapping *unmapping)
{
    vaddr_t start = mapping_start(mapping);
    for (;;) {
        struct mapping *next = space_next(mapping);
        if (next == NULL || next->dying != unmapping || mapping_start(next) != mapping->end) {
            break;
        }
        mapping = next;
    }
    clear_stretch_locked(space, start, mapping->end, unmapping);
    return mapping;
}

static void drop(struct mapping *mapping)
{
    if (mapping->area != NULL) {
        area_remove_mapping(mapping->area, mapping);
        /* May free the area's frames: no core has a translation left. */
        object_put(&mapping->area->object);
    }
    mapping_free(mapping);
}

/* Step 3: those of this unmap leave, which has `count` in all. */
static void leave_locked(struct space *space, struct mapping *first, uint64_t count,
                         const struct unmapping *unmapping, struct list *gone)
{
    if (count == space->mapping_count) {
        mapping_leave_all_locked(space, gone);
        return;
    }
    for (struct mapping *mapping = first, *next; count > 0; mapping = next) {
        next = space_next(mapping);
        if (mapping->dying == unmapping) {
            mapping_leave_locked(mapping);
            list_push_back(gone, &mapping->link);
            count--;
        }
    }
}

/* Steps 1 to 3 for the live mappings from `first` on, which are there and lie inside of the range. */
static void unmap_locked(struct space *space, struct mapping *first, vaddr_t end, struct list *gone)
{
    struct unmapping unmapping = {.tables = LIST_INIT(unmapping.tables)};
    struct mapping *mapping;
    uint64_t count = 0;
    for (mapping = first; mapping != NULL && mapping_start(mapping) < end;
         mapping = space_next(mapping)) {
        if (mapping->dying == NULL) {
            mapping->dying = &unmapping;
            count++;
        }
    }
    for (mapping = first; mapping != NULL && mapping_start(mapping) < end;
         mapping = space_next(mapping)) {
        if (mapping->dying == &unmapping) {
            mapping = clear_run_locked(space, mapping, &unmapping);
        }
    }
    flush_cleared_locked(space, &unmapping);
    leave_locked(space, first, count, &unmapping, gone);
}

/* The last of step 3, without the lock. */
static void finish_unmap(const struct space *space, vaddr_t va, vaddr_t end, struct list *gone)
{
    trace_mm_unmap(space->table.root, va, end - va);
    list_for_each_safe (node, next, gone) {
        drop(LIST_ENTRY(node, struct mapping, link));
    }
}

status_t space_unmap(struct space *space, vaddr_t va, uint64_t bytes)
{
    if (!space_is_user_range(va, bytes)) {
        return ERR_RANGE;
    }
    struct list gone = LIST_INIT(gone);
    vaddr_t end = va + bytes;
    status_t status = ERR_NOT_FOUND;
    shared_lock_acquire(&space->lock);
    if (space_first_live_locked(space, va, end) != NULL) {
        status = space_cut_locked(space, va, end);
    }
    if (status == OK) {
        unmap_locked(space, space_first_live_locked(space, va, end), end, &gone);
    }
    shared_lock_release(&space->lock);
    if (status == OK) {
        finish_unmap(space, va, end, &gone);
    }
    return status;
}

/* All mappings are whole: nothing to cut, no memory to lack. */
void space_destroy(struct space *space)
{
    struct list gone = LIST_INIT(gone);
    shared_lock_acquire(&space->lock);
    if (space_first(space) != NULL) {
        unmap_locked(space, space_first(space), USER_END, &gone);
    }
    shared_lock_release(&space->lock);
    finish_unmap(space, USER_BASE, USER_END, &gone);
    tlb_retire(space->table.root);
    page_table_destroy(&space->table);
    heap_free(space);
}
