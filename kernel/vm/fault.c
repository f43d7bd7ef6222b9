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
#include "vm/page_cursor.h"
#include "vm/pager_impl.h"
#include "vm/space_impl.h"

#define AROUND_BYTES        0x10000ull
#define ZERO_BYTES_PER_STEP 0x4000u /* between preemption points */
#define FAULTS_PER_STEP     4u      /* 16 KiB of zeroing between preemption points */
#define PAGES_PER_STEP      64u     /* present pages looked at between two */

#define LARGE_ORDER (21u - 12u)

/* What a pass under the locks found. */
enum pass {
    PASS_DONE,        /* with an outcome */
    PASS_NEEDS_FRAME, /* come back with a zeroed frame */
    PASS_NEEDS_LARGE, /* come back with a zeroed frame of 2 MiB, or without hope for one */
    PASS_NEEDS_COPY,  /* come back when the area has a page of its own */
    PASS_FROZEN,      /* come back in a moment */
    PASS_PAGED,       /* come back when the pager has given the page */
    PASS_NO_MEMORY,
};

struct fault {
    struct space *space;
    vaddr_t va;        /* page aligned */
    unsigned need;     /* PROT_* */
    paddr_t fresh;     /* zeroed, 0: none; taken (set to 0) if the area has none for the page */
    paddr_t large;     /* the same, 2 MiB */
    bool no_large;     /* there is no memory for one */
    struct area *area; /* with a reference: PASS_NEEDS_COPY, PASS_PAGED of this page */
    uint64_t page;
    paddr_t source;  /* shared frame of the page that a copy is made of, 0: none */
    bool is_pinned;  /* the source has a reference of the fault's */
    paddr_t copy;    /* of the source; taken (set to 0) if it could be entered */
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

/* The leaf is there. A page that was shared and no longer is may be written to from now on; other
 * cores that still know it read-only find out by a fault of their own. */
static enum pass reuse_leaf(struct fault *fault, uint64_t flags)
{
    uint64_t page_bytes;
    uint64_t *leaf = page_table_find(&fault->space->table, fault->va, &page_bytes);
    if ((fault->need & PROT_WRITE) && leaf != NULL && !(*leaf & PTE_WRITE) && (flags & PTE_WRITE)) {
        __atomic_fetch_or(leaf, PTE_WRITE, __ATOMIC_RELAXED);
        return finish(fault, FAULT_MAPPED);
    }
    return finish(fault, FAULT_SPURIOUS);
}

static enum pass map_page(struct fault *fault, paddr_t pa, uint64_t flags, enum fault_outcome made)
{
    switch (page_table_map(&fault->space->table, fault->va, pa, PAGE_BYTES, flags)) {
    case OK:
        return finish(fault, made);
    case ERR_BUSY:
        return reuse_leaf(fault, flags);
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

/* False: there is no memory for a table, or a leaf of that size is there already. */
static bool map_large(struct fault *fault, paddr_t pa, uint64_t flags, uint64_t page_bytes)
{
    struct page_table *table = &fault->space->table;
    vaddr_t va = ROUND_DOWN(fault->va, page_bytes);
    status_t status = page_table_map(table, va, ROUND_DOWN(pa, page_bytes), page_bytes, flags);
    if (status == ERR_BUSY) {
        uint64_t present_bytes = PAGE_BYTES;
        if (page_table_find(table, va, &present_bytes) != NULL && present_bytes >= page_bytes) {
            return false;
        }
        trace_mm_leaf_merge(va, page_bytes);
        space_clear_leaves_locked(fault->space, va, va + page_bytes);
        status = page_table_map(table, va, ROUND_DOWN(pa, page_bytes), page_bytes, flags);
    }
    return status == OK;
}

/*
 * The short way to a page of the area's own: when this mapping is the only one that shows the area,
 * its space's lock, which is held, keeps everybody off, and nothing has to be frozen. The copy was
 * made meanwhile, of a frame that nobody may write to (A4). PASS_NEEDS_COPY: go the long way.
 */
static enum pass enter_copy(struct fault *fault, struct mapping *mapping)
{
    struct page_table *table = &fault->space->table;
    struct area *area = mapping->area;
    uint64_t page_bytes = PAGE_BYTES, *leaf = page_table_find(table, fault->va, &page_bytes);
    uint64_t *slot = NULL;
    spinlock_acquire(&area->lock);
    if (page_bytes == PAGE_BYTES && area_has_one_mapping(area, mapping)) {
        slot = area_slot_locked(area, fault->page);
    }
    if (slot == NULL) {
        spinlock_release(&area->lock);
        return PASS_NEEDS_COPY;
    }
    paddr_t old = *slot;
    area_own_frame(area, slot, fault->copy);
    area->resident -= old != 0;
    if (leaf != NULL) {
        __atomic_store_n(leaf, fault->copy | mapping->leaf_flags | PTE_PRESENT, __ATOMIC_RELEASE);
        tlb_flush(table->root, fault->va, PAGE_BYTES);
    }
    spinlock_release(&area->lock);
    if (old != 0) {
        frame_put(old); /* the area's; the fault still has one */
    }
    paddr_t own = fault->copy;
    fault->copy = 0;
    return leaf != NULL ? finish(fault, FAULT_COPIED)
                        : map_page(fault, own, mapping->leaf_flags, FAULT_COPIED);
}

/* A page that the area has, or its origin. */
static enum pass show_page(struct fault *fault, struct mapping *mapping, paddr_t pa, bool is_shared)
{
    if (is_shared && (fault->need & PROT_WRITE)) {
        return fault->copy != 0 && fault->source == pa ? enter_copy(fault, mapping)
                                                       : PASS_NEEDS_COPY;
    }
    uint64_t flags = is_shared ? mapping->leaf_flags & ~PTE_WRITE : mapping->leaf_flags;
    if (UNLIKELY(area_is_large(mapping->area, fault->page)) &&
        large_page_fits(mapping, fault->va, pa, LARGE_PAGE_BYTES) &&
        map_large(fault, pa, flags, LARGE_PAGE_BYTES)) {
        return finish(fault, FAULT_LARGE);
    }
    return map_page(fault, pa, flags, FAULT_MAPPED);
}

/* The area has nothing of the 2 MiB around the page, and the mapping shows all of it. */
static bool wants_large(const struct fault *fault, const struct mapping *mapping)
{
    struct area *area = mapping->area;
    uint64_t first = ROUND_DOWN(fault->page, (uint64_t)AREA_NODE_ENTRIES);
    return !fault->no_large && area->levels > 1 && area->origin == NULL &&
           (first + AREA_NODE_ENTRIES) * PAGE_BYTES <= area->bytes &&
           large_page_fits(mapping, fault->va, fault->page * PAGE_BYTES, LARGE_PAGE_BYTES) &&
           area_is_hole(area, fault->page);
}

static enum pass add_large(struct fault *fault, const struct mapping *mapping)
{
    struct area *area = mapping->area;
    paddr_t pa = 0;
    spinlock_acquire(&area->lock);
    uint64_t *slot = area_large_slot_locked(area, fault->page);
    if (slot != NULL && *slot == 0) {
        pa = fault->large;
        area_own_large(area, slot, pa);
        fault->large = 0;
    }
    spinlock_release(&area->lock);
    if (pa != 0 && map_large(fault, pa, mapping->leaf_flags, LARGE_PAGE_BYTES)) {
        return finish(fault, FAULT_LARGE);
    }
    fault->no_large = true; /* somebody was faster, or there is no memory for a table */
    return PASS_FROZEN;
}

static enum pass add_page(struct fault *fault, const struct mapping *mapping)
{
    struct area *area = mapping->area;
    enum fault_outcome made = FAULT_MAPPED;
    spinlock_acquire(&area->lock);
    uint64_t *slot = area_slot_locked(area, fault->page);
    if (slot != NULL && *slot == 0) {
        area_own_frame(area, slot, fault->fresh);
        fault->fresh = 0;
        made = FAULT_ZEROED;
    }
    paddr_t pa = slot != NULL ? *slot : 0;
    spinlock_release(&area->lock);
    return pa != 0 ? map_page(fault, pa, mapping->leaf_flags, made) : PASS_NO_MEMORY;
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
    paddr_t pa = area_find(area, fault->page);
    if (pa != 0) {
        return show_page(fault, mapping, pa, area->may_share && frame_is_shared(pa));
    }
    if (UNLIKELY(area->pager != NULL) && (area_entry(area, fault->page) & AREA_PAGED)) {
        fault->area = area;
        object_get(&area->object);
        return PASS_PAGED;
    }
    if (area->origin != NULL) {
        return show_page(fault, mapping, area_origin_frame(area, fault->page), true);
    }
    if (fault->large != 0 && !fault->no_large) {
        return add_large(fault, mapping);
    }
    if (wants_large(fault, mapping)) {
        return PASS_NEEDS_LARGE;
    }
    return fault->fresh != 0 ? add_page(fault, mapping) : PASS_NEEDS_FRAME;
}

/* The other pages of the window are a favour: whatever happens with them is fine. */
static void map_around(struct space *space, const struct mapping *mapping, vaddr_t va, paddr_t pa)
{
    vaddr_t low = MAX(ROUND_DOWN(va, AROUND_BYTES), mapping_start(mapping));
    vaddr_t high = MIN(ROUND_DOWN(va, AROUND_BYTES) + AROUND_BYTES, mapping->end);
    for (vaddr_t at = low; at < high; at += PAGE_BYTES) {
        status_t ignored =
            page_table_map(&space->table, at, pa + (at - va), PAGE_BYTES, mapping->leaf_flags);
        (void)ignored;
    }
}

static enum pass pass_contiguous(struct fault *fault, const struct mapping *mapping)
{
    const struct area *area = mapping->area;
    paddr_t pa = area->base + fault->page * PAGE_BYTES;
    uint64_t large = area->is_huge && mmu_has_huge_pages() ? HUGE_PAGE_BYTES : LARGE_PAGE_BYTES;
    for (; large > PAGE_BYTES; large = large == HUGE_PAGE_BYTES ? LARGE_PAGE_BYTES : PAGE_BYTES) {
        if (large_page_fits(mapping, fault->va, pa, large) &&
            map_large(fault, pa, mapping->leaf_flags, large)) {
            return finish(fault, FAULT_LARGE);
        }
    }
    enum pass pass = map_page(fault, pa, mapping->leaf_flags, FAULT_MAPPED);
    if (pass == PASS_DONE && fault->outcome == FAULT_MAPPED && !area->is_ring) {
        map_around(fault->space, mapping, fault->va, pa);
    }
    return pass;
}

/* What to copy from, the first time; the second time, that the area has to do it. */
static void note_source(struct fault *fault, const struct mapping *mapping)
{
    struct area *area = mapping->area;
    if (fault->source == 0 && area_has_one_mapping(area, mapping)) {
        paddr_t own = area_find(area, fault->page);
        fault->source = own != 0 ? own : area_origin_frame(area, fault->page);
        fault->area = NULL;
        if (own != 0) {
            frame_get(own);
            fault->is_pinned = true;
        }
        return;
    }
    fault->area = area;
    object_get(&area->object);
}

static enum pass pass_locked(struct fault *fault)
{
    struct mapping *mapping = space_find_locked(fault->space, fault->va);
    if (mapping == NULL || mapping->dying || (fault->need & ~mapping->protection)) {
        bool is_guard = mapping != NULL && mapping->area == NULL && !mapping->dying;
        return finish(fault, is_guard ? FAULT_GUARD : FAULT_FAILED);
    }
    fault->page = mapping_page(mapping, fault->va);
    enum pass pass = mapping->area->kind == AREA_ANONYMOUS ? pass_anonymous(fault, mapping)
                                                           : pass_contiguous(fault, mapping);
    if (UNLIKELY(pass == PASS_NEEDS_COPY)) {
        note_source(fault, mapping);
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

static bool make_copy(struct fault *fault)
{
    if (fault->area != NULL) {
        status_t status = area_own_page(fault->area, fault->page);
        object_put(&fault->area->object);
        return status == OK;
    }
    fault->copy = frame_alloc(0, FRAME_USER);
    if (fault->copy != 0) {
        page_copy(phys_to_virt(fault->copy), phys_to_virt(fault->source));
    }
    return fault->copy != 0;
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
    case PASS_NEEDS_LARGE:
        fault->large = frame_is_short() ? 0 : alloc_large_zeroed();
        fault->no_large = fault->large == 0;
        return PASS_FROZEN;
    case PASS_NEEDS_COPY:
        fault->was_copied = true;
        return make_copy(fault) ? PASS_FROZEN : PASS_NO_MEMORY;
    case PASS_PAGED:
        return bring_back(fault);
    case PASS_NO_MEMORY:
        return pager_make_room() ? PASS_FROZEN : PASS_NO_MEMORY;
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
        spinlock_acquire(&fault->space->lock);
        enum pass pass = pass_locked(fault);
        spinlock_release(&fault->space->lock);
        if (LIKELY(pass == PASS_NEEDS_FRAME)) {
            if (UNLIKELY(frame_is_short())) {
                pager_keep_reserve();
            }
            fault->fresh = frame_alloc_zeroed(FRAME_USER);
            if (LIKELY(fault->fresh != 0)) {
                continue;
            }
            pass = PASS_NO_MEMORY;
        }
        if (pass != PASS_DONE && pass != PASS_NO_MEMORY) {
            pass = prepare(fault, pass);
        }
        if (UNLIKELY(pass == PASS_NO_MEMORY)) {
            pass = prepare(fault, pass);
        }
        if (pass != PASS_FROZEN) {
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
    if (fault.copy != 0) {
        frame_free(fault.copy, 0);
    }
    if (fault.is_pinned) {
        frame_put(fault.source);
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
    struct fault fault = {.space = space, .va = ROUND_DOWN(va, PAGE_BYTES), .need = need};
    enum pass pass;
    for (;;) {
        spinlock_acquire(&space->lock);
        pass = pass_locked(&fault);
        spinlock_release(&space->lock);
        if (pass != PASS_FROZEN) {
            break;
        }
        cpu_relax();
        core_poll();
    }
    if (fault.area != NULL) {
        object_put(&fault.area->object);
    }
    if (fault.is_pinned) {
        frame_put(fault.source);
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

/* How many bytes from va on are present for the access, at most `bytes`, at most what is looked
 * at in one step. */
static uint64_t present_bytes(struct space *space, vaddr_t va, uint64_t bytes, bool write)
{
    uint64_t need = PTE_USER | (write ? PTE_WRITE : 0);
    uint64_t done = 0;
    struct page_cursor page;
    spinlock_acquire(&space->lock);
    page_cursor_begin(&page, &space->table, va);
    for (unsigned i = 0; page_cursor_has(&page, need); i++) {
        page_cursor_touch(&page); /* wanted: not cold, see page_out.c */
        done += page.page_bytes - ((va + done) & (page.page_bytes - 1));
        if (done >= bytes || i == PAGES_PER_STEP) {
            break;
        }
        page_cursor_next(&page, va + done);
    }
    spinlock_release(&space->lock);
    return MIN(done, bytes);
}

status_t space_prefault(struct space *space, vaddr_t va, uint64_t bytes, bool write)
{
    if (bytes != 0 && !range_is_within(va, bytes, USER_BASE, USER_END)) {
        return ERR_BAD_ADDRESS;
    }
    for (unsigned steps = 1; bytes > 0; steps++) {
        uint64_t done = present_bytes(space, va, bytes, write);
        va += done;
        bytes -= done;
        status_t status;
        if (bytes > 0 && done == 0 &&
            !fault_is_served(space_resolve(space, va, write ? PROT_WRITE : PROT_READ, &status))) {
            return status;
        }
        if (steps % FAULTS_PER_STEP == 0) {
            preempt_point();
        }
    }
    return OK;
}

bool space_is_resident(const struct space *space, const struct residence *residence, vaddr_t va,
                       uint64_t bytes)
{
    return va == residence->va && bytes <= residence->bytes &&
           __atomic_load_n(&space->table.removals, __ATOMIC_RELAXED) == residence->removals;
}

status_t space_prefault_kept(struct space *space, struct residence *residence, vaddr_t va,
                             uint64_t bytes)
{
    /* Before the look: a page that goes away meanwhile makes the note wrong at once. */
    uint64_t removals = __atomic_load_n(&space->table.removals, __ATOMIC_ACQUIRE);
    status_t status = space_prefault(space, va, bytes, true);
    *residence = (struct residence){0};
    if (status == OK) {
        *residence = (struct residence){.va = va, .bytes = bytes, .removals = removals};
    }
    return status;
}

status_t space_word_lock(struct space *space, vaddr_t va, uint32_t **out_word)
{
    if (!IS_ALIGNED(va, sizeof(uint32_t)) ||
        !range_is_within(va, sizeof(uint32_t), USER_BASE, USER_END)) {
        return ERR_RANGE;
    }
    bool was_tried = false;
    for (;;) {
        struct page_cursor page;
        spinlock_acquire(&space->lock);
        page_cursor_begin(&page, &space->table, va);
        bool is_there = page_cursor_has(&page, PTE_USER | PTE_WRITE) ||
                        (was_tried && page_cursor_has(&page, PTE_USER));
        if (is_there && (*page.leaf & PTE_SOFT_NO_COPY)) {
            spinlock_release(&space->lock);
            return ERR_BAD_ADDRESS; /* not RAM */
        }
        if (is_there) {
            uint64_t room;
            *out_word = (uint32_t *)page_cursor_bytes(&page, va, &room);
            return OK;
        }
        spinlock_release(&space->lock);
        status_t status = space_prefault(space, va, sizeof(uint32_t), true);
        if (status == ERR_BAD_ADDRESS) {
            status = space_prefault(space, va, sizeof(uint32_t), false);
        }
        if (status != OK) {
            return status;
        }
        was_tried = true;
    }
}

void space_word_unlock(struct space *space)
{
    spinlock_release(&space->lock);
}
