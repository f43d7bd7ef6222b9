/* SPDX-License-Identifier: MIT */
/*
 * Waiting on a word. The theory, with F1 to F5, is in futex.c. Who waits parks, and if it wakes another in the same call, the core goes to that
 * one through no queue. Compiled with CFLAGS_ENTRY: called from the dispatch of system calls only, which keeps no register.
 */
#include "arch/frame.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "gen/syscall_handlers.h"
#include "gen/trace_emit.h"
#include "ipc/futex_impl.h"
#include "kernel/abi/message.h"
#include "sched/dispatch.h"
#include "sched/process.h"
#include "vm/space.h"

/* F4. */
static void leave(struct futex_waiter *waiter)
{
    for (;;) {
        struct futex_bucket *bucket = atomic_load_explicit(&waiter->bucket, memory_order_relaxed);
        spinlock_acquire(&bucket->lock);
        bool is_here = atomic_load_explicit(&waiter->bucket, memory_order_relaxed) == bucket;
        if (is_here) {
            list_remove(&waiter->link);
        }
        spinlock_release(&bucket->lock);
        if (is_here) {
            return;
        }
    }
}

static inline struct futex_waiter *waiter_of(struct thread *thread)
{
    return (struct futex_waiter *)thread->condition;
}

/* Into the bucket, which is locked. */
static inline void join_locked(struct futex_bucket *bucket, struct thread *self,
                               const uint32_t *word)
{
    struct futex_waiter *waiter = waiter_of(self);
    waiter->word = word;
    waiter->thread = self;
    atomic_store_explicit(&waiter->bucket, bucket, memory_order_relaxed);
    waiter->ticket = thread_ticket(self, TRACE_THREAD_STATE_FUTEX, NULL);
    list_push_back(&bucket->waiters, &waiter->link);
}

/* Join the bucket if the word holds the value; its space is locked. */
static inline status_t join(struct thread *self, const uint32_t *word, uint32_t expected)
{
    struct futex_bucket *bucket = futex_bucket_of(word);
    status_t status = ERR_CHANGED;
    spinlock_acquire(&bucket->lock);
    if (LIKELY(futex_load(word) == expected)) {
        join_locked(bucket, self, word);
        status = OK;
    }
    spinlock_release(&bucket->lock);
    return status;
}

/* The wait is over. */
static inline status_t end_wait(struct thread *self)
{
    if (UNLIKELY(self->wake_status != OK)) {
        leave(waiter_of(self));
    }
    return self->wake_status;
}

void futex_wait_resumed(struct trap_frame *frame)
{
    thread_switch_finish();
    status_t status = end_wait(current_thread());
    frame->rax = (uint64_t)(int64_t)status;
    trace_syscall_exit((uint8_t)status);
}

/* On the list, nothing locked: until it is over. `next`: claimed, goes on meanwhile; or NULL. */
static ALWAYS_INLINE status_t wait_joined(struct thread *self, ns_t deadline, struct thread *next)
{
    bool parks = LIKELY(deadline == DEADLINE_FOREVER && thread_may_park(self));
    if (next != NULL) {
        if (LIKELY(parks && thread_may_follow(next))) {
            next->wake_status = OK;
            thread_park_to(self, next, futex_wait_parked);
        }
        thread_ready(next, OK, TRACE_WAKE_REASON_FUTEX);
    } else if (parks) {
        thread_park(self, futex_wait_parked);
    }
    (void)thread_wait(self, waiter_of(self)->ticket, deadline);
    return end_wait(self);
}

static ALWAYS_INLINE status_t join_or_poll(struct thread *self, const uint32_t *word,
                                           uint32_t expected, ns_t deadline)
{
    if (UNLIKELY(deadline == DEADLINE_POLL)) {
        return futex_load(word) == expected ? ERR_TIMED_OUT : ERR_CHANGED;
    }
    return join(self, word, expected);
}

status_t sys_futex_wait(vaddr_t address, uint32_t expected, ns_t deadline)
{
    struct thread *self = current_thread();
    struct space *space = self->process->space;
    uint32_t *word;
    status_t status = space_word_lock(space, address, &word);
    if (UNLIKELY(status != OK)) {
        return status;
    }
    status = join_or_poll(self, word, expected, deadline);
    space_word_unlock(space);
    return LIKELY(status == OK) ? wait_joined(self, deadline, NULL) : status;
}

/* Who has waited longest on a word, claimed; NULL: nobody. */
static inline struct thread *claim_first(const uint32_t *word)
{
    struct futex_bucket *bucket = futex_bucket_of(word);
    struct thread *first = NULL;
    spinlock_acquire(&bucket->lock);
    list_for_each (node, &bucket->waiters) {
        struct futex_waiter *waiter = LIST_ENTRY(node, struct futex_waiter, link);
        if (waiter->word == word && thread_claim(waiter->thread, waiter->ticket)) {
            list_remove(node);
            first = waiter->thread;
            break;
        }
    }
    spinlock_release(&bucket->lock);
    return first;
}

status_t sys_futex_wake_wait(vaddr_t wake, vaddr_t address, uint32_t expected, ns_t deadline)
{
    struct thread *self = current_thread();
    struct space *space = self->process->space;
    uint32_t *word, *other;
    status_t status = OK;
    if (UNLIKELY(wake != address)) {
        status = space_word_lock(space, wake, &other);
        if (status == OK) {
            space_word_unlock(space); /* the key is enough, as in futex_wake */
        }
    }
    if (LIKELY(status == OK)) {
        status = space_word_lock(space, address, &word);
    }
    if (UNLIKELY(status != OK)) {
        return status;
    }
    struct thread *woken = claim_first(wake == address ? word : other);
    trace_ipc_futex(woken != NULL, 0, wake);
    status = join_or_poll(self, word, expected, deadline);
    space_word_unlock(space);
    if (LIKELY(status == OK)) {
        return wait_joined(self, deadline, woken);
    }
    if (woken != NULL) {
        thread_ready(woken, OK, TRACE_WAKE_REASON_FUTEX);
    }
    return status;
}
