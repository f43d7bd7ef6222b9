/* SPDX-License-Identifier: MIT */
/*
 * Page faults: from an address to a leaf.
 *
 * Anonymous memory: the frame that the area has for the page, or a new one, zeroed. The frame is
 * made ready without any lock: the first pass under the locks finds that one is missing, lets go,
 * takes and clears it, and looks again. So cores that fault in one space meet for a few dozen
 * instructions, not for the 512 words of a page; who loses the race for a page gives his frame
 * back, still zeroed.
 *
 * Physical memory and runs: a 2 MiB leaf where alignment and the mapping's bounds allow, else the 4
 * KiB leaves of the aligned 64 KiB around the address, since they cost little once the table is
 * found. 1 GiB leaves are for those who ask, which is not built.
 *
 * A fault that finds its leaf in place is spurious: another core was faster, and a retry succeeds.
 * But when the kernel was refused a page that is there and allows the access, that is SMAP at work,
 * and a retry would fault for ever: failed.
 */
#include "abi/memory.h"
#include "arch/interrupt.h"
#include "base/assert.h"
#include "base/checked.h"
#include "mm/frame.h"
#include "sched/thread.h"
#include "vm/space_impl.h"

#define AROUND_BYTES    0x10000ull
#define FAULTS_PER_STEP 4u  /* 16 KiB of zeroing between preemption points */
#define PAGES_PER_STEP  64u /* present pages looked at between two */

/* What a pass under the locks found. */
enum pass {
    PASS_DONE,        /* with an outcome */
    PASS_NEEDS_FRAME, /* come back with a zeroed frame */
    PASS_NO_MEMORY,
};

static enum pass map_page(struct space *space, const struct mapping *mapping, vaddr_t va,
                          paddr_t pa, enum fault_outcome made, enum fault_outcome *out)
{
    switch (page_table_map(&space->table, va, pa, PAGE_BYTES, mapping->leaf_flags)) {
    case OK:
        *out = made;
        return PASS_DONE;
    case ERR_BUSY:
        *out = FAULT_SPURIOUS;
        return PASS_DONE;
    default:
        return PASS_NO_MEMORY;
    }
}

/* *fresh: a zeroed frame or 0; taken (set to 0) if the area has none for the page. */
static enum pass pass_anonymous(struct space *space, struct mapping *mapping, vaddr_t va,
                                paddr_t *fresh, enum fault_outcome *out)
{
    struct area *area = mapping->area;
    uint64_t page = (mapping->offset + (va - mapping_start(mapping))) / PAGE_BYTES;
    paddr_t pa = area_find(area, page);
    if (pa != 0) {
        return map_page(space, mapping, va, pa, FAULT_MAPPED, out); /* A1: pa stays true */
    }
    if (*fresh == 0) {
        return PASS_NEEDS_FRAME;
    }
    spinlock_acquire(&area->lock);
    uint64_t *slot = area_slot_locked(area, page);
    enum fault_outcome made = FAULT_MAPPED;
    if (slot != NULL && *slot == 0) {
        area_own_frame(area, slot, *fresh);
        *fresh = 0;
        made = FAULT_ZEROED;
    }
    spinlock_release(&area->lock);
    return slot != NULL ? map_page(space, mapping, va, *slot, made, out) : PASS_NO_MEMORY;
}

/* True if the 2 MiB around va are all in the mapping, and contiguous memory there is as aligned. */
static bool large_page_fits(const struct mapping *mapping, vaddr_t va, paddr_t pa)
{
    vaddr_t base = ROUND_DOWN(va, LARGE_PAGE_BYTES);
    return (va - pa) % LARGE_PAGE_BYTES == 0 && base >= mapping_start(mapping) &&
           mapping->end - base >= LARGE_PAGE_BYTES;
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

static enum pass pass_contiguous(struct space *space, const struct mapping *mapping, vaddr_t va,
                                 enum fault_outcome *out)
{
    paddr_t pa = mapping->area->base + mapping->offset + (va - mapping_start(mapping));
    if (large_page_fits(mapping, va, pa) &&
        page_table_map(&space->table, ROUND_DOWN(va, LARGE_PAGE_BYTES),
                       ROUND_DOWN(pa, LARGE_PAGE_BYTES), LARGE_PAGE_BYTES,
                       mapping->leaf_flags) == OK) {
        *out = FAULT_LARGE;
        return PASS_DONE;
    }
    enum pass pass = map_page(space, mapping, va, pa, FAULT_MAPPED, out);
    if (pass == PASS_DONE && *out == FAULT_MAPPED) {
        map_around(space, mapping, va, pa);
    }
    return pass;
}

static enum pass pass_locked(struct space *space, vaddr_t va, unsigned need, paddr_t *fresh,
                             enum fault_outcome *out)
{
    struct mapping *mapping = space_find_locked(space, va);
    if (mapping == NULL || mapping->dying || (need & ~mapping->protection)) {
        *out = FAULT_FAILED;
        return PASS_DONE;
    }
    if (mapping->area->kind == AREA_ANONYMOUS) {
        return pass_anonymous(space, mapping, va, fresh, out);
    }
    return pass_contiguous(space, mapping, va, out);
}

enum fault_outcome space_resolve(struct space *space, vaddr_t va, unsigned need,
                                 status_t *out_status)
{
    enum fault_outcome outcome = FAULT_FAILED;
    paddr_t fresh = 0;
    enum pass pass;
    va = ROUND_DOWN(va, PAGE_BYTES);
    for (;;) {
        spinlock_acquire(&space->lock);
        pass = pass_locked(space, va, need, &fresh, &outcome);
        spinlock_release(&space->lock);
        if (pass != PASS_NEEDS_FRAME) {
            break;
        }
        fresh = frame_alloc_zeroed(FRAME_USER);
        if (fresh == 0) {
            pass = PASS_NO_MEMORY;
            break;
        }
    }
    if (UNLIKELY(fresh != 0)) {
        frame_free_zeroed(fresh);
    }
    if (outcome == FAULT_FAILED) {
        *out_status = pass == PASS_NO_MEMORY ? ERR_NO_MEMORY : ERR_BAD_ADDRESS;
    }
    return outcome;
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
    status_t status;
    enum fault_outcome outcome = space_resolve(space, va, need, &status);
    return outcome == FAULT_SPURIOUS && !is_user && (error & FAULT_PRESENT) ? FAULT_FAILED
                                                                            : outcome;
}

/* How many bytes from va on are present for the access, at most `bytes`, at most what is looked
 * at in one step. */
static uint64_t present_bytes(struct space *space, vaddr_t va, uint64_t bytes, bool write)
{
    uint64_t done = 0;
    spinlock_acquire(&space->lock);
    for (unsigned i = 0; i < PAGES_PER_STEP && done < bytes; i++) {
        uint64_t page_bytes;
        const uint64_t *leaf = page_table_find(&space->table, va + done, &page_bytes);
        if (leaf == NULL || (write && !(*leaf & PTE_WRITE))) {
            break;
        }
        done += page_bytes - ((va + done) & (page_bytes - 1));
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
            space_resolve(space, va, write ? PROT_WRITE : PROT_READ, &status) == FAULT_FAILED) {
            return status;
        }
        if (steps % FAULTS_PER_STEP == 0) {
            preempt_point();
        }
    }
    return OK;
}
