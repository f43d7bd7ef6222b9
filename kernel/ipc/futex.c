/* SPDX-License-Identifier: MIT */
/*
 * Futexes: sleep on a word that holds an expected value, until somebody says so.
 *
 * The key of a word is where it lies in physical memory, so threads meet whatever process and address they come from. Waiters are in
 * the bucket that the key hashes to; the waiter is in the thread, which parks (sched/switch.h).
 *
 * F1  Look and join are one step: the value is read under the bucket's lock, which a waker takes after the word was
 *     changed. So no wake-up falls in between.
 * F2  While the word is read, its space is locked: the page is still this one (space_word_lock()).
 * F3  OK means a wake-up meant for this word, or one it was moved to: there are no spurious ones. A wake-up counts only threads whose
 *     ticket it claimed, so none is lost to a wait that times out at the same time.
 * F4  A wait that ends otherwise takes itself out of the bucket it is in then: it locks one, and looks whether it was moved meanwhile.
 * F5  Two buckets are locked in order of their addresses.
 *
 * The page may be unmapped while somebody waits. Then nobody can wake him through that mapping: a deadline or the end of the thread
 * does. If the frame is used again, a wake-up on its new word may reach the old waiter, who looks at his word again, as
 * one does after every wait.
 *
 * A page on which somebody waits is not paged out: it would come back in another frame (kernel/vm/page_out.c).
 *
 * This file: waking and moving. futex_wait.c: waiting, which switches threads without coming back.
 *
 * Rejected: keys of space and address, which threads of different processes do not share.
 */

#include "arch/mmu.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "gen/syscall_handlers.h"
#include "gen/trace_emit.h"
#include "ipc/futex_impl.h"
#include "sched/process.h"
#include "vm/space.h"

struct futex_bucket futex_buckets[FUTEX_BUCKETS];

void futex_init(void)
{
    for (unsigned i = 0; i < FUTEX_BUCKETS; i++) {
        spinlock_init(&futex_buckets[i].lock, "futex", LOCK_RANK_WAIT);
        list_init(&futex_buckets[i].waiters);
    }
}

/* Wake up to `count` that wait on a word. Returns how many were waiting, and no longer are. */
static uint64_t wake_locked(struct futex_bucket *bucket, const uint32_t *word, uint64_t count)
{
    uint64_t woken = 0;
    list_for_each_safe (node, following, &bucket->waiters) {
        struct futex_waiter *waiter = LIST_ENTRY(node, struct futex_waiter, link);
        if (woken == count) {
            break;
        }
        if (waiter->word == word && thread_claim(waiter->thread, waiter->ticket)) {
            list_remove(node);
            thread_ready(waiter->thread, OK,
                         TRACE_WAKE_REASON_FUTEX); /* its stack is its own again */
            woken++;
        }
    }
    return woken;
}

status_t sys_futex_wake(vaddr_t address, uint64_t count, uint64_t *out_woken)
{
    struct space *space = current_thread()->process->space;
    uint32_t *word;
    status_t status = space_word_lock(space, address, &word);
    if (status != OK) {
        return status;
    }
    space_word_unlock(space); /* the key is enough: it names who waited on what is there now */
    struct futex_bucket *bucket = futex_bucket_of(word);
    spinlock_acquire(&bucket->lock);
    *out_woken = wake_locked(bucket, word, count);
    spinlock_release(&bucket->lock);
    trace_ipc_futex((uint32_t)*out_woken, 0, address);
    return OK;
}

/* F5. */
static void lock_both(struct futex_bucket *a, struct futex_bucket *b)
{
    spinlock_acquire(a <= b ? &a->lock : &b->lock);
    if (a != b) {
        spinlock_acquire_ranked(a <= b ? &b->lock : &a->lock, LOCK_RANK_WAIT_SECOND);
    }
}

static void unlock_both(struct futex_bucket *a, struct futex_bucket *b)
{
    if (a != b) {
        spinlock_release(a <= b ? &b->lock : &a->lock);
    }
    spinlock_release(a <= b ? &a->lock : &b->lock);
}

/* Let up to `count` that wait on `from` wait on `to`, in the same order behind who waits there. */
static uint64_t move_locked(struct futex_bucket *here, const uint32_t *from,
                            struct futex_bucket *there, const uint32_t *to, uint64_t count)
{
    struct list moving = LIST_INIT(moving);
    uint64_t moved = 0;
    list_for_each_safe (node, following, &here->waiters) {
        struct futex_waiter *waiter = LIST_ENTRY(node, struct futex_waiter, link);
        if (moved == count) {
            break;
        }
        if (waiter->word == from &&
            atomic_load_explicit(&waiter->thread->ticket, memory_order_relaxed) == waiter->ticket) {
            list_remove(node);
            list_push_back(&moving, node);
            moved++;
        }
    }
    list_for_each_safe (node, following, &moving) {
        struct futex_waiter *waiter = LIST_ENTRY(node, struct futex_waiter, link);
        list_remove(node);
        list_push_back(&there->waiters, node);
        waiter->word = to;
        atomic_store_explicit(&waiter->bucket, there, memory_order_relaxed);
    }
    return moved;
}

/* Where the target word is. It is found before the first word's space is locked, which it shares. */
static status_t find_target(struct space *space, vaddr_t target, uint32_t **out_word)
{
    status_t status = space_word_lock(space, target, out_word);
    if (status == OK) {
        space_word_unlock(space);
    }
    return status;
}

status_t sys_futex_requeue(vaddr_t address, uint32_t expected, uint64_t wake, vaddr_t target,
                           uint64_t move, uint64_t *out_woken, uint64_t *out_moved)
{
    struct space *space = current_thread()->process->space;
    uint32_t *from, *to;
    status_t status = find_target(space, target, &to);
    if (status == OK) {
        status = space_word_lock(space, address, &from);
    }
    if (status != OK) {
        return status;
    }
    struct futex_bucket *here = futex_bucket_of(from), *there = futex_bucket_of(to);
    lock_both(here, there);
    if (futex_load(from) != expected) {
        status = ERR_CHANGED;
    } else {
        *out_woken = wake_locked(here, from, wake);
        *out_moved = from == to ? 0 : move_locked(here, from, there, to, move);
    }
    unlock_both(here, there);
    space_word_unlock(space);
    if (status == OK) {
        trace_ipc_futex((uint32_t)*out_woken, (uint32_t)*out_moved, address);
    }
    return status;
}

/* A bucket that looks empty has no waiter that the caller would have to know of: joining locks the word's space, and so did he. */
void hook_futex_words(void (*each)(paddr_t word, void *context), void *context)
{
    for (unsigned i = 0; i < FUTEX_BUCKETS; i++) {
        struct futex_bucket *bucket = &futex_buckets[i];
        if (list_is_empty(&bucket->waiters)) {
            continue;
        }
        spinlock_acquire(&bucket->lock);
        list_for_each (node, &bucket->waiters) {
            each(virt_to_phys(LIST_ENTRY(node, struct futex_waiter, link)->word), context);
        }
        spinlock_release(&bucket->lock);
    }
}
