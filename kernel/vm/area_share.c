/* SPDX-License-Identifier: MIT */
/*
 * Areas change under those who show them: clones, pages of their own, another length.
 *
 * All of it happens to pages that are frozen meanwhile: area_freeze.c.
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
#include "vm/pager_impl.h"
#include "vm/space_impl.h"

#define PAGES_PER_STEP AREA_NODE_ENTRIES
#define SHARES_PER_STEP                                                                            \
    64u /* each costs hundreds of instructions, and nobody else runs meanwhile */
#define ALL_PAGES (~0ull)

static void hide_pages(struct mapping *mapping, vaddr_t va, vaddr_t end, void *context UNUSED)
{
    space_clear_leaves_locked(mapping->space, va, end);
}

/* The frames stay, and so may the leaves: it is enough that no look-up is under way. */
static void pass_by(struct mapping *mapping UNUSED, vaddr_t va UNUSED, vaddr_t end UNUSED,
                    void *context UNUSED)
{
}

static void forbid_writing(struct mapping *mapping, vaddr_t va, vaddr_t end, void *context UNUSED)
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

/* ---- a page of one's own ---- */

static bool is_shared_locked(const struct area *area, uint64_t page)
{
    uint64_t entry = area_entry(area, page);
    if (entry & AREA_PAGED) {
        return false; /* only what one area has is paged out */
    }
    return entry != 0 ? frame_is_shared(entry) : area->origin != NULL;
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
        area_count_resident(area, old != 0 ? -1 : 0);
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
    area_freeze(area, page, page + 1, hide_pages, NULL);
    if (is_shared_locked(area, page)) {
        status = replace_frame(area, page, fresh);
        used = status == OK;
    }
    area_thaw(area);
    if (!used) {
        frame_free(fresh, 0);
    }
    return status;
}

/* ---- clones ---- */

/*
 * Enter the frames of pages [first, end) of an area in its clone, where they begin at page `at`; those that the clone has
 * already are left. ERR_BUSY: *out_page must be brought back first.
 */
static status_t share_frames_locked(struct area *area, uint64_t first, uint64_t end,
                                    struct area *clone, uint64_t at, uint64_t *out_page)
{
    for (uint64_t page = first; page < end; page++, at++) {
        uint64_t entry = area_entry(area, page);
        if (entry & AREA_PAGED) {
            *out_page = page;
            return ERR_BUSY;
        }
        if (entry == 0 || area_find(clone, at) != 0) {
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
        area_freeze(area, at, step_end, forbid_writing, NULL);
        spinlock_acquire(&area->lock);
        area->may_share = true;
        uint64_t paged = 0;
        status_t status = share_frames_locked(area, at, step_end, clone, at - first, &paged);
        spinlock_release(&area->lock);
        area_thaw(area);
        if (status == ERR_BUSY) {
            status = page_in(area, paged);
            if (status == OK) {
                continue; /* the clone keeps what it has, so this comes to an end */
            }
        }
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
    area_freeze(area, 0, ALL_PAGES, pass_by, NULL);
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
    area_thaw(area);
    return status;
}

/* From the end, so that the length always says what is left. */
static status_t shrink(struct area *area, uint64_t bytes)
{
    uint64_t pages = bytes / PAGE_BYTES;
    for (uint64_t end = area->bytes / PAGE_BYTES; end > pages;) {
        uint64_t first = MAX(ROUND_DOWN(end - 1, (uint64_t)PAGES_PER_STEP), pages);
        area_freeze(area, first, end, hide_pages, NULL);
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
        area_thaw(area);
        if (!is_split) {
            return ERR_NO_MEMORY;
        }
        pager_forget(area, first);
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
