/* SPDX-License-Identifier: MIT */
/*
 * Copying from one space to another: what a message buffer goes through.
 *
 * Both spaces are locked while a step of 16 KiB is copied, so no page of either can be unmapped and its frame reused. The target's
 * lock is shared, so several can send to one server. Two spaces are locked in order of their addresses, the second with a rank of
 * its own, so two copies in opposite directions cannot wait for each other. Between steps all locks
 * are let go; pages may be gone then, and whose they are is told. Only a page that the area has, though no leaf shows it, is shown
 * again: the clock of page_out.c may have looked at it. That waits for nobody's pager.
 *
 * A sender that copies its own message needs no walk for it (space_send()): it reads it as user mode
 * would, by instructions whose faults are not served, because a lock is held.
 */
#include "abi/memory.h"
#include "arch/user.h"
#include "base/assert.h"
#include "base/checked.h"
#include "base/string.h"
#include "sched/thread.h"
#include "vm/page_cursor.h"
#include "vm/space_impl.h"

#define STEP_BYTES SPACE_SEND_MAX

static_assert(LOCK_RANK_SPACE + SHARE_SECOND == LOCK_RANK_SPACE_SECOND,
              "the rank of the second of two shared locks");

struct side {
    struct space *space;
    vaddr_t va;
    uint64_t need; /* PTE_* that the leaf must have */
    struct page_cursor page;
};

/* The target's lock is shared, the source's owned: E3 of space.c. */
static void lock_both(struct space *to, struct space *from)
{
    if (to == from) {
        shared_lock_acquire(&from->lock);
    } else if (to < from) {
        shared_lock_share(&to->lock, SHARE_FIRST);
        shared_lock_acquire_ranked(&from->lock, LOCK_RANK_SPACE_SECOND);
    } else {
        shared_lock_acquire(&from->lock);
        shared_lock_share(&to->lock, SHARE_SECOND);
    }
}

static void unlock_both(struct space *to, struct space *from)
{
    shared_lock_release(&from->lock);
    if (to != from) {
        shared_lock_unshare(&to->lock, to < from ? SHARE_FIRST : SHARE_SECOND);
    }
}

/* The side's next byte in the direct map, and how many follow in the same page; NULL: not to be had. */
static inline uint8_t *find_bytes(const struct side *side, uint64_t *out_room)
{
    const struct page_cursor *page = &side->page;
    if (UNLIKELY(!page_cursor_has(page, side->need) || (*page->leaf & PTE_SOFT_NO_COPY))) {
        return NULL;
    }
    return page_cursor_bytes(page, side->va, out_room);
}

static inline void advance(struct side *side, uint64_t bytes, uint64_t room)
{
    side->va += bytes;
    if (bytes == room) {
        page_cursor_next(&side->page, side->va);
    }
}

/* One step of *bytes, both spaces locked; on return, what is left of it. ERR_BAD_ADDRESS: at a page of *out_bad. */
static status_t copy_step(struct side *to, struct side *from, uint64_t *bytes,
                          struct side **out_bad)
{
    page_cursor_begin(&to->page, &to->space->table, to->va);
    page_cursor_begin(&from->page, &from->space->table, from->va);
    while (*bytes > 0) {
        uint64_t from_room = 0, to_room = 0;
        const uint8_t *source = find_bytes(from, &from_room);
        uint8_t *target = find_bytes(to, &to_room);
        if (UNLIKELY(source == NULL || target == NULL)) {
            *out_bad = source == NULL ? from : to;
            return ERR_BAD_ADDRESS;
        }
        uint64_t now = MIN(*bytes, MIN(from_room, to_room));
        memcpy(target, source, now);
        *bytes -= now;
        if (*bytes == 0) {
            to->va += now;
            from->va += now;
            break;
        }
        advance(from, now, from_room);
        advance(to, now, to_room);
    }
    return OK;
}

/* The page where a step ended, if it was hidden. A leaf that forbids the access is not replaced, so this comes to an end. */
static COLD bool show_again(const struct side *side)
{
    bool writes = side->need & PTE_WRITE;
    return side->page.leaf == NULL &&
           space_show(side->space, side->va, writes ? PROT_WRITE : PROT_READ);
}

status_t space_copy(struct space *to, vaddr_t to_va, struct space *from, vaddr_t from_va,
                    uint64_t bytes, bool *out_bad_to)
{
    struct side target = {.space = to, .va = to_va, .need = PTE_USER | PTE_WRITE};
    struct side source = {.space = from, .va = from_va, .need = PTE_USER};
    bool is_from_good = range_is_within(from_va, bytes, USER_BASE, USER_END);
    if (bytes != 0 && (!is_from_good || !range_is_within(to_va, bytes, USER_BASE, USER_END))) {
        *out_bad_to = is_from_good;
        return ERR_BAD_ADDRESS;
    }
    while (bytes > 0) {
        uint64_t step = MIN(bytes, STEP_BYTES), left = step;
        struct side *bad = NULL;
        lock_both(to, from);
        status_t status = copy_step(&target, &source, &left, &bad);
        unlock_both(to, from);
        bytes -= step - left;
        if (UNLIKELY(status != OK) && !show_again(bad)) {
            *out_bad_to = bad == &target;
            return status;
        }
        if (bytes > 0) {
            preempt_point();
        }
    }
    return OK;
}

/* The way through, target locked; source in the current page tables. */
static bool send_locked(struct space *to, vaddr_t to_va, vaddr_t from_va, uint64_t bytes)
{
    struct page_cursor page;
    page_cursor_begin(&page, &to->table, to_va);
    for (;;) {
        if (UNLIKELY(!page_cursor_has(&page, PTE_USER | PTE_WRITE) ||
                     (*page.leaf & PTE_SOFT_NO_COPY))) {
            return false;
        }
        uint64_t room;
        uint8_t *target = page_cursor_bytes(&page, to_va, &room);
        uint64_t now = MIN(bytes, room);
        if (UNLIKELY(user_copy_present(target, (const void *)from_va, now) != 0)) {
            return false;
        }
        bytes -= now;
        if (LIKELY(bytes == 0)) {
            return true;
        }
        to_va += now;
        from_va += now;
        page_cursor_next(&page, to_va);
    }
}

bool space_send(struct space *to, vaddr_t to_va, vaddr_t from_va, uint64_t bytes)
{
    if (bytes == 0) {
        return true;
    }
    ASSERT(bytes <= SPACE_SEND_MAX && range_is_within(to_va, bytes, USER_BASE, USER_END));
    if (UNLIKELY(!range_is_within(from_va, bytes, USER_BASE, USER_END))) {
        return false;
    }
    shared_lock_share(&to->lock, SHARE_FIRST);
    bool sent = send_locked(to, to_va, from_va, bytes);
    shared_lock_unshare(&to->lock, SHARE_FIRST);
    return sent;
}
