/* SPDX-License-Identifier: MIT */
/*
 * Memory that must be there before something begins: buffers of messages, words that threads wait on, pages that a pager shows.
 *
 * A range is looked at a table at a time, and only what lacks goes through a fault (fault.c). What was found may be gone a moment later:
 * copies look themselves. A note of a range that was there says so, without a look, as long as the page table has lost nothing.
 */
#include "abi/memory.h"
#include "base/checked.h"
#include "mm/frame.h"
#include "sched/thread.h"
#include "vm/page_cursor.h"
#include "vm/space_impl.h"

#define FAULTS_PER_STEP 4u         /* 16 KiB of zeroing between preemption points */
#define PAGES_PER_STEP  64u        /* present pages looked at between two */
#define PRESENT_BYTES   0x10000ull /* MAP_PRESENT looks up to a multiple: as a fault maps around it */

/* How many bytes from va on are present for the access, at most `bytes`, at most what is looked
 * at in one step. */
static uint64_t present_bytes(struct space *space, vaddr_t va, uint64_t bytes, bool write)
{
    uint64_t need = PTE_USER | (write ? PTE_WRITE : 0);
    uint64_t done = 0;
    struct page_cursor page;
    shared_lock_share(&space->lock, SHARE_FIRST);
    page_cursor_begin(&page, &space->table, va);
    for (unsigned i = 0; page_cursor_has(&page, need); i++) {
        page_cursor_touch(&page); /* wanted: not cold, see page_out.c */
        done += page.page_bytes - ((va + done) & (page.page_bytes - 1));
        if (done >= bytes || i == PAGES_PER_STEP) {
            break;
        }
        page_cursor_next(&page, va + done);
    }
    shared_lock_unshare(&space->lock, SHARE_FIRST);
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

/* The frame that an anonymous area has for a page, and whether others have it, too; 0: none, or none that can be shown just now. */
static paddr_t find_present(const struct area *area, uint64_t page, bool *out_shared)
{
    *out_shared = false;
    if (area_is_frozen(area, page) || page >= area->bytes / PAGE_BYTES) {
        return 0;
    }
    struct area_place place = area_look_up(area, page);
    paddr_t pa = area_place_frame(&place, page);
    *out_shared = pa != 0 && area->may_share && frame_is_shared(pa);
    return pa;
}

static void show_anonymous(struct space *space, const struct mapping *mapping, vaddr_t va,
                           vaddr_t end)
{
    for (; va < end; va += PAGE_BYTES) {
        bool is_shared;
        paddr_t pa = find_present(mapping->area, mapping_page(mapping, va), &is_shared);
        uint64_t flags = is_shared ? mapping->leaf_flags & ~PTE_WRITE : mapping->leaf_flags;
        if (pa != 0 && page_table_map(&space->table, va, pa, PAGE_BYTES, flags) != OK) {
            return;
        }
    }
}

/* A favour: what it leaves out, faults will show, large pages among it. */
void space_show_present_locked(struct space *space, vaddr_t va, vaddr_t end)
{
    const struct mapping *mapping = space_find_locked(space, va);
    end = MIN(end, ROUND_DOWN(va, PRESENT_BYTES) + PRESENT_BYTES);
    if (mapping->area->kind == AREA_ANONYMOUS) {
        show_anonymous(space, mapping, va, end);
        return;
    }
    paddr_t pa = mapping->area->base + mapping_page(mapping, va) * PAGE_BYTES;
    if (!mapping->area->is_ring &&
        page_table_map(&space->table, va, pa, PAGE_BYTES, mapping->leaf_flags) == OK) {
        page_table_map_around(&space->table, va, end, pa, mapping->leaf_flags);
    }
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
        shared_lock_share(&space->lock, SHARE_FIRST);
        page_cursor_begin(&page, &space->table, va);
        bool is_there = page_cursor_has(&page, PTE_USER | PTE_WRITE) ||
                        (was_tried && page_cursor_has(&page, PTE_USER));
        if (is_there && (*page.leaf & PTE_SOFT_NO_COPY)) {
            shared_lock_unshare(&space->lock, SHARE_FIRST);
            return ERR_BAD_ADDRESS; /* not RAM */
        }
        if (is_there) {
            uint64_t room;
            *out_word = (uint32_t *)page_cursor_bytes(&page, va, &room);
            return OK;
        }
        shared_lock_unshare(&space->lock, SHARE_FIRST);
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
    shared_lock_unshare(&space->lock, SHARE_FIRST);
}
