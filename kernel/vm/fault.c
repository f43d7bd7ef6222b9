/* SPDX-License-Identifier: MIT */
/*
 * Page faults: from an address to a leaf.
 *
 * Anonymous memory: the frame that the area has for the page, or a new one, zeroed: 2 MiB where the
 * mapping shows all of an aligned stretch of which the area has nothing yet, and memory has that much
 * in one piece, else 4 KiB. The frame is made ready without any lock: the first pass under the locks
 * finds that one is missing, lets go, takes and clears it, and looks again. So cores that fault in
 * one space meet for a few dozen instructions, not for the 512 words of a page; who loses the race
 * for a page gives his frame back, still zeroed. A half-zeroed large frame is the faulting thread's.
 *
 * A page that is shared with a clone is shown read-only; the first write gives the area a page of its
 * own (enter_copy() here when only this mapping shows it, else area_share.c), and the fault looks
 * again. Pages that are frozen meanwhile: look again, too.
 *
 * Physical memory and runs: a large leaf where alignment and the mapping's bounds allow, else the 4
 * KiB leaves of the aligned 64 KiB around the address, since they cost little once the table is
 * found. 1 GiB leaves are for areas made with AREA_HUGE.
 *
 * A page that is leaving, or with the pager, comes back first (page_in.c), with no lock held. When memory is
 * short, who needs a frame makes the pager take cold pages, and waits for that when there is none.
 *
 * A large leaf takes the place of small ones that are there from a time when it did not fit.
 *
 * A fault that finds its leaf in place is spurious: another core was faster, and a retry succeeds.
 * But when the kernel was refused a page that is there and allows the access, that is SMAP at work,
 * and a retry would fault for ever: failed.
 */
#include "abi/memory.h"
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "base/assert.h"
#include "base/checked.h"
#include "base/string.h"
#include "gen/trace_emit.h"
#include "mm/frame.h"
#include "mm/tlb.h"
#include "sched/thread.h"
#include "vm/pager_impl.h"
#include "vm/space_impl.h"

#define AROUND_BYTES        0x10000ull
#define ZERO_BYTES_PER_STEP 0x4000u /* between preemption points */

#define LARGE_ORDER (21u - 12u)

/* What a pass under the locks found. */
enum pass {
    PASS_DONE,        /* with an outcome */
    PASS_ALONE,       /* come back owning the space's lock */
    PASS_NEEDS_FRAME, /* come back with a zeroed frame */
    PASS_NEEDS_LARGE, /* come back with a zeroed frame of 2 MiB, or without hope for one */
    PASS_NEEDS_COPY,  /* come back when the area has a page of its own */
    PASS_FROZEN,      /* come back in a moment */
    PASS_PAGED,       /* come back when the pager has given the page */
    PASS_NO_MEMORY,
    PASS_SMALLER, /* of map_large(): no such leaf, but smaller ones will do */
};

struct fault {
    struct space *space;
    vaddr_t va;        /* page aligned */
    unsigned need;     /* PROT_* */
    bool owns;         /* passes own the space's lock */
    bool is_frugal;    /* passes take no frames */
    paddr_t fresh;     /* zeroed, 0: none; taken (set to 0) if the area has none for the page */
    paddr_t large;     /* the same, 2 MiB */
    bool no_large;     /* there is no memory for one */
    struct area *area; /* with a reference: PASS_NEEDS_COPY, PASS_PAGED of this page */
    uint64_t page;
    status_t status; /* why it failed */
    bool was_copied; /* the page had to become the area's own */
    bool was_paged;  /* the page was brought back */
    enum fault_outcome outcome;
};

static enum pass finish(struct fault *fault, enum fault_outcome outcome)
{
    fault->outcome = outcome;
    return PASS_DONE;
}

/* The frame that was made ready between passes. */
static paddr_t take_fresh(struct fault *fault)
{
    paddr_t frame = fault->fresh;
    fault->fresh = 0;
    return frame;
}

/* May a pass take a frame by itself? When memory is short the pager is asked first, with no lock held. */
static bool may_take(const struct fault *fault)
{
    return LIKELY(!fault->is_frugal) && !frame_is_short();
}

/* ---- leaves ---- */

/*
 * The leaf is there. A page that was shared and no longer is may be written to from now on; other
 * cores that still know it read-only find out by a fault of their own. A leaf with another frame is about to be replaced (E2).
 */
static enum pass reuse_leaf(struct fault *fault, paddr_t pa, uint64_t flags)
{
    uint64_t page_bytes = PAGE_BYTES;
    uint64_t *leaf = page_table_find(&fault->space->table, fault->va, &page_bytes);
    uint64_t seen = leaf != NULL ? __atomic_load_n(leaf, __ATOMIC_RELAXED) : 0;
    if (ALIGN_DOWN(seen & PTE_ADDRESS, page_bytes) + fault->va % page_bytes != pa) {
        return PASS_FROZEN;
    }
    if (!(fault->need & PROT_WRITE) || (seen & PTE_WRITE) || !(flags & PTE_WRITE)) {
        return finish(fault, FAULT_SPURIOUS);
    }
    bool is_given = __atomic_compare_exchange_n(leaf, &seen, seen | PTE_WRITE, false,
                                                __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return is_given ? finish(fault, FAULT_MAPPED) : PASS_FROZEN;
}

static enum pass map_page(struct fault *fault, paddr_t pa, uint64_t flags, enum fault_outcome made)
{
    switch (page_table_map(&fault->space->table, fault->va, pa, PAGE_BYTES, flags)) {
    case OK:
        return finish(fault, made);
    case ERR_BUSY:
        return reuse_leaf(fault, pa, flags);
    default:
        return PASS_NO_MEMORY;
    }
}

/* True if the large page around va is all in the mapping, and memory there is as aligned. */
static bool large_page_fits(const struct mapping *mapping, vaddr_t va, paddr_t pa,
                            uint64_t page_bytes)
{
    vaddr_t base = ROUND_DOWN(va, page_bytes);
    return (va - pa) % page_bytes == 0 && base >= mapping_start(mapping) &&
           mapping->end - base >= page_bytes && !mapping->area->is_ring;
}

/* PASS_SMALLER: there is no memory for a table, or a leaf of that size is there already. */
static enum pass map_large(struct fault *fault, paddr_t pa, uint64_t flags, uint64_t page_bytes)
{
    struct page_table *table = &fault->space->table;
    vaddr_t va = ROUND_DOWN(fault->va, page_bytes);
    status_t status = page_table_map(table, va, ROUND_DOWN(pa, page_bytes), page_bytes, flags);
    if (status == ERR_BUSY) {
        uint64_t present_bytes = PAGE_BYTES;
        if (page_table_find(table, va, &present_bytes) != NULL && present_bytes >= page_bytes) {
            return PASS_SMALLER;
        }
        if (!fault->owns) {
            return PASS_ALONE;
        }
        trace_mm_leaf_merge(va, page_bytes);
        space_clear_leaves_locked(fault->space, va, va + page_bytes);
        status = page_table_map(table, va, ROUND_DOWN(pa, page_bytes), page_bytes, flags);
    }
    return status == OK ? finish(fault, FAULT_LARGE) : PASS_SMALLER;
}

/* ---- copy on write ---- */

/* The leaf of the page, in place of the one that may be there, for all cores. */
static enum pass replace_leaf(struct fault *fault, paddr_t pa, uint64_t flags)
{
    struct page_table *table = &fault->space->table;
    for (;;) {
        uint64_t page_bytes, *leaf = page_table_find(table, fault->va, &page_bytes);
        if (leaf != NULL) {
            __atomic_store_n(leaf, pa | flags | PTE_PRESENT, __ATOMIC_RELEASE);
            tlb_flush(table->root, fault->va, PAGE_BYTES);
            return finish(fault, FAULT_COPIED);
        }
        status_t status = page_table_map(table, fault->va, pa, PAGE_BYTES, flags);
        if (status != ERR_BUSY) {
            return status == OK ? finish(fault, FAULT_COPIED) : PASS_NO_MEMORY;
        }
    }
}

/* The copy becomes the area's (set to 0), unless something has changed since it was made. */
static enum pass enter_copy(struct fault *fault, struct mapping *mapping, paddr_t source,
                            paddr_t *copy)
{
    struct area *area = mapping->area;
    uint64_t *slot =
        area_has_one_mapping(area, mapping) ? area_slot_locked(area, fault->page) : NULL;
    if (slot == NULL) {
        return PASS_NEEDS_COPY;
    }
    paddr_t old = *slot;
    if (old != source && old != 0) {
        return PASS_FROZEN;
    }
    __atomic_store_n(slot, *copy, __ATOMIC_RELEASE);
    area_count_resident(area, old == 0 ? 1 : 0);
    enum pass pass = replace_leaf(fault, *copy, mapping->leaf_flags);
    *copy = 0;
    if (old != 0) {
        frame_put(old); /* no core shows it any more */
    }
    return pass;
}

/* The copy is made, and becomes the area's or is thrown away. */
static enum pass enter_new_copy(struct fault *fault, struct mapping *mapping, paddr_t source)
{
    paddr_t copy = fault->fresh != 0 ? take_fresh(fault) : frame_alloc(0, FRAME_USER);
    if (copy == 0) {
        return PASS_NO_MEMORY;
    }
    page_copy(phys_to_virt(copy), phys_to_virt(source));
    spinlock_acquire(&mapping->area->lock);
    enum pass pass = enter_copy(fault, mapping, source, &copy);
    spinlock_release(&mapping->area->lock);
    if (UNLIKELY(copy != 0)) {
        frame_free(copy, 0);
    }
    return pass;
}

/*
 * The short way to a page of the area's own: when this mapping is the only one that shows the area, nothing has to be frozen.
 * Nobody may write to the source meanwhile. A4 sees to that while it is shared; so that it stays shared when those who share it
 * go, the copier has a reference of his own (A3). Without it a core that faults on the page just then would be given the source
 * to write to, and the copy would take the place of what it wrote. An origin is never written to.
 */
static enum pass copy_page(struct fault *fault, struct mapping *mapping, paddr_t source,
                           bool is_origins)
{
    uint64_t page_bytes = PAGE_BYTES;
    (void)page_table_find(&fault->space->table, fault->va, &page_bytes);
    if (page_bytes != PAGE_BYTES || !area_has_one_mapping(mapping->area, mapping)) {
        return PASS_NEEDS_COPY;
    }
    if (fault->fresh == 0 && !may_take(fault)) {
        return PASS_NEEDS_FRAME;
    }
    if (is_origins) {
        return enter_new_copy(fault, mapping, source);
    }
    if (!frame_get_if_shared(source)) {
        return PASS_FROZEN;
    }
    enum pass pass = enter_new_copy(fault, mapping, source);
    frame_put(source);
    return pass;
}

/* ---- anonymous memory ---- */

/* A page that the area has, or its origin. */
static enum pass show_page(struct fault *fault, struct mapping *mapping,
                           const struct area_place *place, paddr_t pa, bool is_shared)
{
    if (is_shared && (fault->need & PROT_WRITE)) {
        return copy_page(fault, mapping, pa, place->entry == 0);
    }
    uint64_t flags = is_shared ? mapping->leaf_flags & ~PTE_WRITE : mapping->leaf_flags;
    if (UNLIKELY(area_place_is_large(place)) &&
        large_page_fits(mapping, fault->va, pa, LARGE_PAGE_BYTES)) {
        enum pass pass = map_large(fault, pa, flags, LARGE_PAGE_BYTES);
        if (pass != PASS_SMALLER) {
            return pass;
        }
    }
    return map_page(fault, pa, flags, FAULT_MAPPED);
}

/* The area has nothing of the 2 MiB around the page; the mapping shows all of it. */
static bool wants_large(const struct fault *fault, const struct mapping *mapping)
{
    const struct area *area = mapping->area;
    uint64_t first = ROUND_DOWN(fault->page, (uint64_t)AREA_NODE_ENTRIES);
    return !fault->no_large && area->levels > 1 &&
           (first + AREA_NODE_ENTRIES) * PAGE_BYTES <= area->bytes &&
           large_page_fits(mapping, fault->va, fault->page * PAGE_BYTES, LARGE_PAGE_BYTES);
}

static enum pass add_large(struct fault *fault, const struct mapping *mapping)
{
    struct area *area = mapping->area;
    paddr_t pa = 0;
    enum pass pass = PASS_SMALLER;
    spinlock_acquire(&area->lock);
    uint64_t *slot = area_large_slot_locked(area, fault->page);
    if (slot != NULL && *slot == 0) {
        pa = fault->large;
        area_own_large(area, slot, pa);
        fault->large = 0;
    }
    spinlock_release(&area->lock);
    if (pa != 0) {
        pass = map_large(fault, pa, mapping->leaf_flags, LARGE_PAGE_BYTES);
    }
    if (pass == PASS_SMALLER) { /* somebody was faster, or there is no memory for a table */
        fault->no_large = true;
        pass = PASS_FROZEN;
    }
    return pass;
}

/* The lowest node for the page is not there yet. NULL: no memory; or it stands for a large frame by now. */
static COLD uint64_t *make_slot(struct area *area, uint64_t page)
{
    spinlock_acquire(&area->lock);
    uint64_t *slot = area_is_large(area, page) ? NULL : area_slot_locked(area, page);
    spinlock_release(&area->lock);
    return slot;
}

static enum pass add_page(struct fault *fault, const struct mapping *mapping, uint64_t *slot)
{
    struct area *area = mapping->area;
    if (slot == NULL) {
        slot = make_slot(area, fault->page);
        if (slot == NULL) {
            return area_find(area, fault->page) != 0 ? PASS_FROZEN : PASS_NO_MEMORY;
        }
    }
    if (UNLIKELY(fault->fresh == 0 && !may_take(fault))) {
        return PASS_NEEDS_FRAME;
    }
    paddr_t frame = fault->fresh != 0 ? take_fresh(fault) : frame_alloc_zeroed(FRAME_USER);
    if (UNLIKELY(frame == 0)) {
        return PASS_NO_MEMORY;
    }
    if (UNLIKELY(!area_enter_frame(area, slot, frame))) {
        fault->fresh = frame; /* still zeroed */
        return PASS_FROZEN;
    }
    return map_page(fault, frame, mapping->leaf_flags, FAULT_ZEROED);
}

static enum pass pass_anonymous(struct fault *fault, struct mapping *mapping)
{
    struct area *area = mapping->area;
    if (area_is_frozen(area, fault->page)) {
        return PASS_FROZEN;
    }
    if (UNLIKELY(fault->page >= area->bytes / PAGE_BYTES)) {
        return finish(fault, FAULT_FAILED); /* it has been made shorter */
    }
    struct area_place place = area_look_up(area, fault->page);
    paddr_t pa = area_place_frame(&place, fault->page);
    if (pa != 0) {
        return show_page(fault, mapping, &place, pa, area->may_share && frame_is_shared(pa));
    }
    if (UNLIKELY(place.entry != 0)) {
        return PASS_PAGED;
    }
    if (area->origin != NULL) {
        return show_page(fault, mapping, &place, area_origin_frame(area, fault->page), true);
    }
    if (UNLIKELY(area_place_is_hole(&place)) && wants_large(fault, mapping)) {
        return fault->large != 0 ? add_large(fault, mapping) : PASS_NEEDS_LARGE;
    }
    return add_page(fault, mapping, place.level == 0 ? place.slot : NULL);
}

/* ---- physical memory and runs ---- */

/* The other pages of the window are a favour: whatever happens with them is fine. */
static void map_around(struct space *space, const struct mapping *mapping, vaddr_t va, paddr_t pa)
{
    vaddr_t low = MAX(ROUND_DOWN(va, AROUND_BYTES), mapping_start(mapping));
    vaddr_t high = MIN(ROUND_DOWN(va, AROUND_BYTES) + AROUND_BYTES, mapping->end);
    page_table_map_around(&space->table, low, high, pa - (va - low), mapping->leaf_flags);
}

static enum pass pass_contiguous(struct fault *fault, const struct mapping *mapping)
{
    const struct area *area = mapping->area;
    paddr_t pa = area->base + fault->page * PAGE_BYTES;
    uint64_t large = area->is_huge && mmu_has_huge_pages() ? HUGE_PAGE_BYTES : LARGE_PAGE_BYTES;
    for (; large > PAGE_BYTES; large = large == HUGE_PAGE_BYTES ? LARGE_PAGE_BYTES : PAGE_BYTES) {
        enum pass pass = large_page_fits(mapping, fault->va, pa, large)
                             ? map_large(fault, pa, mapping->leaf_flags, large)
                             : PASS_SMALLER;
        if (pass != PASS_SMALLER) {
            return pass;
        }
    }
    enum pass pass = map_page(fault, pa, mapping->leaf_flags, FAULT_MAPPED);
    if (pass == PASS_DONE && fault->outcome == FAULT_MAPPED && !area->is_ring) {
        map_around(fault->space, mapping, fault->va, pa);
    }
    return pass;
}

/* ---- passes ---- */

static enum pass look(struct fault *fault)
{
    struct mapping *mapping = space_find_locked(fault->space, fault->va);
    if (mapping == NULL || mapping->dying || (fault->need & ~mapping->protection)) {
        bool is_guard = mapping != NULL && mapping->area == NULL && !mapping->dying;
        return finish(fault, is_guard ? FAULT_GUARD : FAULT_FAILED);
    }
    fault->page = mapping_page(mapping, fault->va);
    enum pass pass = mapping->area->kind == AREA_ANONYMOUS ? pass_anonymous(fault, mapping)
                                                           : pass_contiguous(fault, mapping);
    if (UNLIKELY(pass == PASS_NEEDS_COPY || pass == PASS_PAGED)) {
        fault->area = mapping->area;
        object_get(&mapping->area->object);
    }
    return pass;
}

static enum pass run_pass(struct fault *fault)
{
    struct shared_lock *lock = &fault->space->lock;
    enum pass pass;
    if (UNLIKELY(fault->owns)) {
        shared_lock_acquire(lock);
        pass = look(fault);
        shared_lock_release(lock);
    } else {
        shared_lock_share(lock, SHARE_FIRST);
        pass = look(fault);
        shared_lock_unshare(lock, SHARE_FIRST);
    }
    return pass;
}

/* 2 MiB of zeros, made where others may run. 0: not to be had. */
static paddr_t alloc_large_zeroed(void)
{
    paddr_t pa = frame_alloc(LARGE_ORDER, FRAME_USER);
    for (uint64_t done = 0; pa != 0 && done < LARGE_PAGE_BYTES; done += ZERO_BYTES_PER_STEP) {
        memset(phys_to_virt(pa + done), 0, ZERO_BYTES_PER_STEP);
        preempt_point();
    }
    return pa;
}

/* The long way of copy_page(). */
static enum pass own_page(struct fault *fault)
{
    status_t status = area_own_page(fault->area, fault->page);
    object_put(&fault->area->object);
    fault->was_copied = true;
    return status == OK ? PASS_FROZEN : PASS_NO_MEMORY;
}

static enum pass bring_back(struct fault *fault)
{
    fault->status = page_in(fault->area, fault->page);
    object_put(&fault->area->object);
    if (fault->status == ERR_NO_MEMORY) {
        return PASS_NO_MEMORY;
    }
    fault->was_paged = true;
    return fault->status == OK ? PASS_FROZEN : finish(fault, FAULT_LOST);
}

/* Between two passes: get what the last one lacked. PASS_FROZEN: look again. */
static NOINLINE enum pass prepare(struct fault *fault, enum pass lacked)
{
    switch (lacked) {
    case PASS_NEEDS_FRAME:
        pager_keep_reserve();
        fault->fresh = frame_alloc_zeroed(FRAME_USER);
        return fault->fresh != 0 ? PASS_FROZEN : PASS_NO_MEMORY;
    case PASS_NEEDS_LARGE:
        fault->large = frame_is_short() ? 0 : alloc_large_zeroed();
        fault->no_large = fault->large == 0;
        return PASS_FROZEN;
    case PASS_NEEDS_COPY:
        return own_page(fault);
    case PASS_PAGED:
        return bring_back(fault);
    case PASS_NO_MEMORY:
        return pager_make_room() ? PASS_FROZEN : PASS_NO_MEMORY;
    case PASS_ALONE:
        fault->owns = true;
        return PASS_FROZEN;
    default:
        cpu_relax();
        core_poll();
        return PASS_FROZEN;
    }
}

/* Passes until one is done, or there is no memory even after the pager has taken what it could. */
static enum pass run_passes(struct fault *fault)
{
    for (;;) {
        enum pass pass = run_pass(fault);
        if (UNLIKELY(pass != PASS_DONE && pass != PASS_NO_MEMORY)) {
            pass = prepare(fault, pass);
        }
        if (UNLIKELY(pass == PASS_NO_MEMORY)) {
            pass = prepare(fault, pass);
        }
        if (LIKELY(pass != PASS_FROZEN)) {
            return pass;
        }
    }
}

/* What it was all told, when the last pass is over. */
static enum fault_outcome outcome_of(const struct fault *fault)
{
    if (fault->outcome == FAULT_SPURIOUS) {
        return FAULT_SPURIOUS;
    }
    if (fault->was_copied) {
        return FAULT_COPIED;
    }
    return fault->was_paged ? FAULT_FETCHED : fault->outcome;
}

enum fault_outcome space_resolve(struct space *space, vaddr_t va, unsigned need,
                                 status_t *out_status)
{
    struct fault fault = {.space = space, .va = ROUND_DOWN(va, PAGE_BYTES), .need = need};
    enum pass pass = run_passes(&fault);
    if (UNLIKELY(fault.fresh != 0)) {
        frame_free_zeroed(fault.fresh);
    }
    if (UNLIKELY(fault.large != 0)) {
        frame_free(fault.large, LARGE_ORDER);
    }
    if (pass == PASS_NO_MEMORY) {
        *out_status = ERR_NO_MEMORY;
        return FAULT_FAILED;
    }
    if (!fault_is_served(fault.outcome)) {
        *out_status = fault.status == ERR_CANCELLED ? ERR_CANCELLED : ERR_BAD_ADDRESS;
        return fault.outcome;
    }
    return outcome_of(&fault);
}

bool space_show(struct space *space, vaddr_t va, unsigned need)
{
    struct fault fault = {
        .space = space, .va = ROUND_DOWN(va, PAGE_BYTES), .need = need, .is_frugal = true};
    enum pass pass;
    while ((pass = run_pass(&fault)) == PASS_FROZEN || pass == PASS_ALONE) {
        (void)prepare(&fault, pass);
    }
    if (fault.area != NULL) {
        object_put(&fault.area->object);
    }
    return pass == PASS_DONE && fault_is_served(fault.outcome);
}

enum fault_outcome space_fault(struct space *space, vaddr_t va, unsigned error)
{
    bool is_user = error & FAULT_USER;
    if (!range_is_within(va, 1, USER_BASE, USER_END) || (error & FAULT_RESERVED) ||
        (!is_user && (error & FAULT_FETCH))) {
        return FAULT_FAILED;
    }
    unsigned need = PROT_READ;
    need |= error & FAULT_WRITE ? PROT_WRITE : 0;
    need |= error & FAULT_FETCH ? PROT_EXEC : 0;
    status_t status = OK;
    enum fault_outcome outcome = space_resolve(space, va, need, &status);
    if (UNLIKELY(status == ERR_CANCELLED)) {
        /* The thread is being ended, which happens before it is in user mode again; a copy of the kernel has to end now. */
        return is_user ? FAULT_SPURIOUS : FAULT_FAILED;
    }
    return outcome == FAULT_SPURIOUS && !is_user && (error & FAULT_PRESENT) ? FAULT_FAILED
                                                                            : outcome;
}
