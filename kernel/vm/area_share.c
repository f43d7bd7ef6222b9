/* SPDX-License-Identifier: MIT */
/*
 * Areas change under those who show them: clones, pages of their own, another length.
 *
 * Problem. Faults look a frame up without the area's lock and enter it into a page table. Who wants
 * to take a frame away, or forbid writing to it, must be sure that no space shows it and that no
 * fault is just about to; but spaces lock before areas, so he cannot hold the area's lock while he
 * visits them.
 *
 * Freezing. A range of pages is marked, then every space that maps it is visited: its lock is taken,
 * leaves are cleared or made read-only, its TLBs flushed. A fault that had looked before is over
 * when its space's lock can be had, and its leaf is seen; one that looks later sees the mark, lets go
 * and tries again. So between the last visit and the thaw the pages are nobody else's:
 *
 *      freeze pages                    a fault: take space->lock
 *      for each mapping                         frozen? let go, poll, try again
 *          take its space->lock                 look up, enter leaf
 *          clear leaves, flush                  let go
 *          let go
 *      change the slots
 *      thaw
 *
 *   Z1  One freeze at a time per area, never across a preemption point: who meets one spins, and
 *       polls. Long work goes in steps of 512 pages.
 *   Z2  A walk goes along area->mappings with the lock let go at each visit. The mapping visited is
 *       pinned: who wants to remove it waits. New mappings, and upper parts of cut ones, come to the
 *       end of the list, so the walk meets them. Only merging moves pages to an earlier mapping, and
 *       that is not done while a walk is under way.
 *
 * A clone shares the frames: each slot's frame gets a reference for the clone, after the area's own
 * leaves were made read-only (A4). The first write to such a page, on either side, gives that side
 * a frame of its own; the last one to keep the old frame just writes on. There is no tree of
 * ancestors to keep or collapse: making a clone costs some instructions for each page present, and
 * nothing is left behind when either is gone.
 *
 * Rejected: hidden parents (cheap to make, but chains of them have to be searched by every fault
 * and collapsed when a clone ends).
 */
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "base/checked.h"
#include "base/string.h"
#include "gen/trace_emit.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "mm/tlb.h"
#include "object/quota.h"
#include "sched/thread.h"
#include "vm/space_impl.h"

#define PAGES_PER_STEP AREA_NODE_ENTRIES
#define SHARES_PER_STEP                                                                            \
    64u /* each costs hundreds of instructions, and nobody else runs meanwhile */
#define ALL_PAGES (~0ull)

/* ---- mappings of an area ---- */

bool area_has_one_mapping(const struct area *area, const struct mapping *mapping)
{
    return area->mappings.next == &mapping->area_link &&
           area->mappings.prev == &mapping->area_link &&
           atomic_load_explicit(&area->frozen_end, memory_order_relaxed) == 0;
}

void area_add_mapping(struct area *area, struct mapping *mapping)
{
    spinlock_acquire(&area->lock);
    list_push_back(&area->mappings, &mapping->area_link);
    spinlock_release(&area->lock);
}

void area_remove_mapping(struct area *area, struct mapping *mapping)
{
    spinlock_acquire(&area->lock);
    while (mapping->pins != 0) { /* Z2: a visit is short */
        spinlock_release(&area->lock);
        cpu_relax();
        core_poll();
        spinlock_acquire(&area->lock);
    }
    list_remove(&mapping->area_link);
    spinlock_release(&area->lock);
}

bool area_try_remove_mapping(struct area *area, struct mapping *mapping)
{
    spinlock_acquire(&area->lock);
    bool is_quiet = area->walks == 0;
    if (is_quiet) {
        list_remove(&mapping->area_link);
    }
    spinlock_release(&area->lock);
    return is_quiet;
}

/* The mapping after `previous`, pinned; NULL previous: the first. NULL: the end. */
static struct mapping *walk_next(struct area *area, struct mapping *previous)
{
    struct mapping *next = NULL;
    spinlock_acquire(&area->lock);
    struct list *node = previous != NULL ? previous->area_link.next : area->mappings.next;
    if (previous != NULL) {
        previous->pins--;
    } else {
        area->walks++;
    }
    if (node != &area->mappings) {
        next = LIST_ENTRY(node, struct mapping, area_link);
        next->pins++;
    } else {
        area->walks--;
    }
    spinlock_release(&area->lock);
    return next;
}

typedef void (*visit_fn)(struct mapping *mapping, vaddr_t va, vaddr_t end);

/* Where a mapping shows some of the pages [first, end). False: it shows none. An end read too early
 * may be too high, which does no harm; what was cut off is met later (Z2). */
static bool find_shown(const struct mapping *mapping, uint64_t first, uint64_t end, vaddr_t *out_va,
                       vaddr_t *out_end)
{
    vaddr_t start = mapping_start(mapping), stop = *(const volatile vaddr_t *)&mapping->end;
    uint64_t low = mapping->offset / PAGE_BYTES;
    uint64_t high = low + (stop - start) / PAGE_BYTES;
    if (first >= high || end <= low) {
        return false;
    }
    *out_va = start + (MAX(first, low) - low) * PAGE_BYTES;
    *out_end = start + (MIN(end, high) - low) * PAGE_BYTES;
    return true;
}

/* Visit every mapping that shows some of the pages, under its space's lock. */
static void walk_mappings(struct area *area, uint64_t first, uint64_t end, visit_fn visit)
{
    struct mapping *mapping = NULL;
    while ((mapping = walk_next(area, mapping)) != NULL) {
        vaddr_t va, stop;
        if (find_shown(mapping, first, end, &va, &stop)) {
            spinlock_acquire(&mapping->space->lock);
            visit(mapping, va, stop);
            spinlock_release(&mapping->space->lock);
        }
    }
}

static void hide_pages(struct mapping *mapping, vaddr_t va, vaddr_t end)
{
    space_clear_leaves_locked(mapping->space, va, end);
}

/* The frames stay, and so may the leaves: it is enough that no look-up is under way. */
static void pass_by(struct mapping *mapping UNUSED, vaddr_t va UNUSED, vaddr_t end UNUSED)
{
}

static void forbid_writing(struct mapping *mapping, vaddr_t va, vaddr_t end)
{
    struct page_table *table = &mapping->space->table;
    vaddr_t at = va;
    uint64_t page_bytes;
    bool any = false;
    for (uint64_t *leaf; (leaf = page_table_next(table, &at, end, &page_bytes)) != NULL;
         at += page_bytes) {
        any |= (*leaf & PTE_WRITE) != 0;
        __atomic_fetch_and(leaf, ~PTE_WRITE, __ATOMIC_RELAXED);
    }
    if (any) {
        tlb_flush(table->root, va, end - va);
    }
}

/* ---- freezing ---- */

/* Returns with area->lock held. */
static void freeze_locking(struct area *area, uint64_t first, uint64_t end)
{
    spinlock_acquire(&area->lock);
    while (atomic_load_explicit(&area->frozen_end, memory_order_relaxed) != 0) {
        spinlock_release(&area->lock);
        cpu_relax();
        core_poll();
        spinlock_acquire(&area->lock);
    }
    atomic_store_explicit(&area->frozen_first, first, memory_order_relaxed);
    atomic_store_explicit(&area->frozen_end, end, memory_order_relaxed);
}

static void freeze(struct area *area, uint64_t first, uint64_t end, visit_fn visit)
{
    freeze_locking(area, first, end);
    spinlock_release(&area->lock);
    walk_mappings(area, first, end, visit);
}

/* Pairs with the acquire in area_is_frozen(). */
static void thaw(struct area *area)
{
    atomic_store_explicit(&area->frozen_end, 0, memory_order_release);
}

/* ---- a page of one's own ---- */

static bool is_shared_locked(const struct area *area, uint64_t page)
{
    paddr_t pa = area_find(area, page);
    return pa != 0 ? frame_is_shared(pa) : area->origin != NULL;
}

/* The page is frozen and hidden. */
static status_t replace_frame(struct area *area, uint64_t page, paddr_t fresh)
{
    paddr_t old = area_find(area, page);
    page_copy(phys_to_virt(fresh), phys_to_virt(old != 0 ? old : area_origin_frame(area, page)));
    spinlock_acquire(&area->lock);
    uint64_t *slot = area_slot_locked(area, page);
    if (slot != NULL) {
        area_own_frame(area, slot, fresh);
        area->resident -= old != 0;
    }
    spinlock_release(&area->lock);
    if (slot == NULL) {
        return ERR_NO_MEMORY;
    }
    if (old != 0) {
        frame_put(old);
    }
    return OK;
}

status_t area_own_page(struct area *area, uint64_t page)
{
    paddr_t fresh = frame_alloc(0, FRAME_USER);
    if (fresh == 0) {
        return ERR_NO_MEMORY;
    }
    status_t status = OK;
    bool used = false;
    freeze(area, page, page + 1, hide_pages);
    if (is_shared_locked(area, page)) {
        status = replace_frame(area, page, fresh);
        used = status == OK;
    }
    thaw(area);
    if (!used) {
        frame_free(fresh, 0);
    }
    return status;
}

/* ---- clones ---- */

/* Enter the frames of pages [first, end) of an area in its clone, where they begin at page `at`. */
static status_t share_frames_locked(struct area *area, uint64_t first, uint64_t end,
                                    struct area *clone, uint64_t at)
{
    for (uint64_t page = first; page < end; page++, at++) {
        if (area_find(area, page) == 0) {
            continue;
        }
        uint64_t *from = area_slot_locked(area, page); /* splits what is large */
        uint64_t *to = from != NULL ? area_slot_locked(clone, at) : NULL;
        if (to == NULL) {
            return ERR_NO_MEMORY;
        }
        frame_get(*from);
        area_own_frame(clone, to, *from);
    }
    return OK;
}

static status_t share_pages(struct area *area, uint64_t first, uint64_t pages, struct area *clone)
{
    uint64_t end = first + pages;
    for (uint64_t at = first; at < end;) {
        uint64_t step_end = MIN(ROUND_DOWN(at, (uint64_t)SHARES_PER_STEP) + SHARES_PER_STEP, end);
        freeze(area, at, step_end, forbid_writing);
        spinlock_acquire(&area->lock);
        area->may_share = true;
        status_t status = share_frames_locked(area, at, step_end, clone, at - first);
        spinlock_release(&area->lock);
        thaw(area);
        if (status != OK) {
            return status;
        }
        preempt_point();
        at = step_end;
    }
    return OK;
}

static bool can_be_cloned(const struct area *area)
{
    return area->kind == AREA_ANONYMOUS
               ? !area->is_ring
               : area->kind == AREA_PHYSICAL && !area->writable && area->is_ram;
}

/* What pages without a frame of their own are copied from. */
static void set_origin(struct area *clone, struct area *area, uint64_t offset)
{
    bool is_origin = area->kind == AREA_PHYSICAL;
    clone->may_share = true;
    clone->origin = is_origin ? area : area->origin;
    clone->origin_offset = is_origin ? offset : area->origin_offset + offset;
    if (clone->origin != NULL) {
        object_get(&clone->origin->object);
    }
}

status_t area_clone(struct area *area, uint64_t offset, uint64_t bytes, struct area **out)
{
    if (!can_be_cloned(area)) {
        return ERR_NOT_SUPPORTED;
    }
    if (!IS_ALIGNED(offset, PAGE_BYTES) || !range_is_within(offset, bytes, 0, area->bytes)) {
        return ERR_RANGE;
    }
    struct area *clone;
    status_t status = area_create_anonymous(bytes, 0, &clone);
    if (status != OK) {
        return status;
    }
    set_origin(clone, area, offset);
    if (area->kind == AREA_ANONYMOUS) {
        status = share_pages(area, offset / PAGE_BYTES, bytes / PAGE_BYTES, clone);
    }
    if (status != OK) {
        object_put(&clone->object);
        return status;
    }
    trace_mm_clone(clone->resident, bytes);
    *out = clone;
    return OK;
}

/* ---- another length ---- */

static status_t grow(struct area *area, uint64_t bytes)
{
    freeze(area, 0, ALL_PAGES, pass_by);
    spinlock_acquire(&area->lock);
    uint64_t more = bytes > area->bytes ? (bytes - area->bytes) / PAGE_BYTES : 0;
    status_t status = quota_charge(area->payer, QUOTA_MEMORY, more);
    if (status == OK && !area_index_grow_locked(area, bytes / PAGE_BYTES)) {
        quota_return(area->payer, QUOTA_MEMORY, more);
        status = ERR_NO_MEMORY;
    }
    if (status == OK) {
        area->bytes = MAX(area->bytes, bytes);
    }
    spinlock_release(&area->lock);
    thaw(area);
    return status;
}

/* From the end, so that the length always says what is left. */
static status_t shrink(struct area *area, uint64_t bytes)
{
    uint64_t pages = bytes / PAGE_BYTES;
    for (uint64_t end = area->bytes / PAGE_BYTES; end > pages;) {
        uint64_t first = MAX(ROUND_DOWN(end - 1, (uint64_t)PAGES_PER_STEP), pages);
        freeze(area, first, end, hide_pages);
        spinlock_acquire(&area->lock);
        /* A large frame of which a part stays. */
        bool is_split = first % PAGES_PER_STEP == 0 || area_find(area, first) == 0 ||
                        area_slot_locked(area, first) != NULL;
        if (is_split) {
            area_index_cut_locked(area, first, end);
            quota_return(area->payer, QUOTA_MEMORY, area->bytes / PAGE_BYTES - first);
            area->bytes = first * PAGE_BYTES;
        }
        spinlock_release(&area->lock);
        thaw(area);
        if (!is_split) {
            return ERR_NO_MEMORY;
        }
        preempt_point();
        end = first;
    }
    return OK;
}

status_t area_resize(struct area *area, uint64_t bytes)
{
    if (area->kind != AREA_ANONYMOUS || area->is_ring || area->origin != NULL) {
        return ERR_NOT_SUPPORTED;
    }
    if (bytes == 0 || !IS_ALIGNED(bytes, PAGE_BYTES) || bytes > AREA_BYTES_MAX) {
        return ERR_RANGE;
    }
    return bytes > area->bytes ? grow(area, bytes) : shrink(area, bytes);
}
