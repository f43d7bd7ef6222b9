/* SPDX-License-Identifier: MIT */
/*
 * Changing and asking: protection of what is mapped.
 *
 * Mappings are cut at both ends of the range, get their new rights, and then all leaves in the range
 * are cleared; faults bring them back with the new rights and with the largest pages that fit. That
 * is one way for all cases (rights taken, given, shared pages that must stay read-only, large leaves
 * across an end) for the price of a fault per page touched again.
 *
 * Afterwards neighbours that show neighbouring parts of one area with equal rights become one mapping
 * again, so that protecting back and forth leaves nothing behind, and large pages fit again.
 */
#include "abi/memory.h"
#include "base/assert.h"
#include "gen/trace_emit.h"
#include "mm/heap.h"
#include "sched/thread.h"
#include "vm/space_impl.h"

#define BYTES_PER_STEP (4 * LARGE_PAGE_BYTES) /* cleared between two chances for others */

/* Nothing but live mappings, without a hole, that all allow it. */
static status_t check_range_locked(struct space *space, vaddr_t va, vaddr_t end,
                                   unsigned protection)
{
    while (va < end) {
        const struct mapping *mapping = space_find_locked(space, va);
        if (mapping == NULL || mapping->dying || mapping->area == NULL) {
            return ERR_NOT_FOUND;
        }
        if ((protection & ~mapping->allowed) ||
            ((protection & PROT_WRITE) && !mapping->area->writable)) {
            return ERR_NO_RIGHTS;
        }
        va = mapping->end;
    }
    return OK;
}

static bool continues(const struct mapping *low, const struct mapping *high)
{
    return !low->dying && !high->dying && low->area != NULL && low->area == high->area &&
           low->end == mapping_start(high) &&
           low->offset + (low->end - mapping_start(low)) == high->offset &&
           low->protection == high->protection && low->allowed == high->allowed;
}

/* Join what begins at va with what ends there, if they fit. The upper one is put on `gone`. */
static void join_at_locked(struct space *space, vaddr_t va, struct list *gone)
{
    struct mapping *low = space_find_at_most_locked(space, va - 1);
    struct mapping *high = low != NULL ? space_next(low) : NULL;
    if (high == NULL || mapping_start(high) != va || !continues(low, high) ||
        !area_try_remove_mapping(high->area, high)) {
        return;
    }
    mapping_leave_locked(high);
    low->end = high->end;
    list_push_back(gone, &high->link);
}

static void join_range_locked(struct space *space, vaddr_t va, vaddr_t end, struct list *gone)
{
    join_at_locked(space, va, gone);
    for (;;) {
        const struct mapping *mapping = space_find_locked(space, va);
        if (mapping == NULL || mapping->end > end) {
            return;
        }
        va = mapping->end;
        join_at_locked(space, va, gone);
    }
}

status_t space_protect(struct space *space, vaddr_t va, uint64_t bytes, unsigned protection)
{
    if (!space_is_protection(protection)) {
        return ERR_BAD_ARGUMENT;
    }
    if (!space_is_user_range(va, bytes)) {
        return ERR_RANGE;
    }
    vaddr_t end = va + bytes;
    protection |= PROT_READ;
    shared_lock_acquire(&space->lock);
    status_t status = check_range_locked(space, va, end, protection);
    if (status == OK) {
        status = space_cut_locked(space, va, end);
    }
    if (status != OK) {
        shared_lock_release(&space->lock);
        return status;
    }
    for (struct mapping *mapping = space_find_locked(space, va);
         mapping != NULL && mapping_start(mapping) < end; mapping = space_next(mapping)) {
        mapping->protection = (uint8_t)protection;
        mapping->leaf_flags = leaf_flags_of(mapping->area, protection);
    }
    struct list gone = LIST_INIT(gone);
    join_range_locked(space, va, end, &gone);
    /* Mappings may change now where the lock is let go: what is cleared too much comes back. */
    for (vaddr_t at = va; at < end; at += BYTES_PER_STEP) {
        space_clear_leaves_locked(space, at, MIN(at + BYTES_PER_STEP, end));
        shared_lock_release(&space->lock);
        preempt_point();
        shared_lock_acquire(&space->lock);
    }
    shared_lock_release(&space->lock);
    trace_mm_protect((uint8_t)protection, space->table.root, va, bytes);
    list_for_each_safe (node, next, &gone) {
        struct mapping *mapping = LIST_ENTRY(node, struct mapping, link);
        object_put(&mapping->area->object);
        mapping_free(mapping);
    }
    return OK;
}

status_t space_query(struct space *space, vaddr_t va, struct space_mapping *out)
{
    shared_lock_share(&space->lock, SHARE_FIRST);
    const struct mapping *mapping = space_first_live_locked(space, va, USER_END);
    if (mapping != NULL) {
        *out = (struct space_mapping){mapping_start(mapping), mapping->end - mapping_start(mapping),
                                      mapping->protection};
    }
    shared_lock_unshare(&space->lock, SHARE_FIRST);
    return mapping != NULL ? OK : ERR_NOT_FOUND;
}
