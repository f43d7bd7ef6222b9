/* SPDX-License-Identifier: MIT */
/*
 * Copying from one space to another: what a message buffer goes through.
 *
 * Both spaces are locked while a step of 16 KiB is copied, so no page of either can be unmapped and
 * its frame reused. Two spaces are locked in order of their addresses, the second with a rank of
 * its own, so two copies in opposite directions cannot wait for each other. Between steps all locks
 * are let go; pages may be gone then, and whose they are is told.
 */
#include "base/assert.h"
#include "base/checked.h"
#include "base/string.h"
#include "sched/thread.h"
#include "vm/space_impl.h"

#define STEP_BYTES 0x4000ull

struct side {
    struct space *space;
    vaddr_t va;
    uint64_t need; /* PTE_* that the leaf must have */
};

static void lock_both(struct space *a, struct space *b)
{
    spinlock_acquire(a <= b ? &a->lock : &b->lock);
    if (a != b) {
        spinlock_acquire_ranked(a <= b ? &b->lock : &a->lock, LOCK_RANK_SPACE_SECOND);
    }
}

static void unlock_both(struct space *a, struct space *b)
{
    if (a != b) {
        spinlock_release(a <= b ? &b->lock : &a->lock);
    }
    spinlock_release(a <= b ? &a->lock : &b->lock);
}

/* Where the side's next byte is in the direct map, and how many follow in the same page; NULL:
 * not to be had. */
static uint8_t *find_bytes(const struct side *side, uint64_t *out_room)
{
    uint64_t page_bytes;
    const uint64_t *leaf = page_table_find(&side->space->table, side->va, &page_bytes);
    if (leaf == NULL || (*leaf & (side->need | PTE_SOFT_NO_COPY)) != side->need) {
        return NULL;
    }
    uint64_t offset = side->va & (page_bytes - 1);
    *out_room = page_bytes - offset;
    return (uint8_t *)phys_to_virt(ALIGN_DOWN(*leaf & PTE_ADDRESS, page_bytes)) + offset;
}

/* One step, both spaces locked. */
static status_t copy_step(struct side *to, struct side *from, uint64_t bytes, bool *out_bad_to)
{
    while (bytes > 0) {
        uint64_t from_room, to_room;
        const uint8_t *source = find_bytes(from, &from_room);
        uint8_t *target = find_bytes(to, &to_room);
        if (source == NULL || target == NULL) {
            *out_bad_to = source != NULL;
            return ERR_BAD_ADDRESS;
        }
        uint64_t now = MIN(bytes, MIN(from_room, to_room));
        memcpy(target, source, now);
        from->va += now;
        to->va += now;
        bytes -= now;
    }
    return OK;
}

status_t space_copy(struct space *to, vaddr_t to_va, struct space *from, vaddr_t from_va,
                    uint64_t bytes, bool *out_bad_to)
{
    struct side target = {.space = to, .va = to_va, .need = PTE_USER | PTE_WRITE};
    struct side source = {.space = from, .va = from_va, .need = PTE_USER};
    if (bytes == 0) {
        return OK;
    }
    bool is_from_good = range_is_within(from_va, bytes, USER_BASE, USER_END);
    if (!is_from_good || !range_is_within(to_va, bytes, USER_BASE, USER_END)) {
        *out_bad_to = is_from_good;
        return ERR_BAD_ADDRESS;
    }
    for (;;) {
        uint64_t now = MIN(bytes, STEP_BYTES);
        lock_both(to, from);
        status_t status = copy_step(&target, &source, now, out_bad_to);
        unlock_both(to, from);
        bytes -= now;
        if (status != OK || bytes == 0) {
            return status;
        }
        preempt_point();
    }
}
