/* SPDX-License-Identifier: MIT */
/* A plain queue of waiting threads: the condition is checked and the waiter queued under one lock. */
#include "sched/wait_queue.h"

#include "base/assert.h"
#include "sched/thread.h"

void wait_queue_init(struct wait_queue *queue, const char *name)
{
    spinlock_init(&queue->lock, name, LOCK_RANK_WAIT);
    list_init(&queue->waiters);
}

status_t wait_queue_wait_locked(struct wait_queue *queue, ns_t deadline,
                                enum trace_thread_state why, void *object)
{
    ASSERT(spinlock_is_held(&queue->lock));
    if (deadline == 0) {
        spinlock_release(&queue->lock);
        return ERR_TIMED_OUT;
    }
    struct thread *self = current_thread();
    uint64_t ticket = thread_ticket(self, why, object);
    list_push_back(&queue->waiters, &self->wait_link);
    spinlock_release(&queue->lock);

    status_t status = thread_wait(self, ticket, deadline);
    if (status != OK) {
        spinlock_acquire(&queue->lock);
        list_remove(&self->wait_link);
        spinlock_release(&queue->lock);
    }
    return status;
}

struct thread *wait_queue_claim_locked(struct wait_queue *queue)
{
    ASSERT(spinlock_is_held(&queue->lock));
    list_for_each_safe (node, following, &queue->waiters) {
        struct thread *thread = LIST_ENTRY(node, struct thread, wait_link);
        uint64_t ticket = atomic_load_explicit(&thread->ticket, memory_order_relaxed);
        list_remove(node);
        if (ticket != 0 && thread_claim(thread, ticket)) {
            return thread;
        }
    }
    return NULL;
}

void wait_queue_wake_all_locked(struct wait_queue *queue, enum trace_wake_reason reason)
{
    struct thread *thread;

    while ((thread = wait_queue_claim_locked(queue)) != NULL) {
        thread_ready(thread, OK, reason);
    }
}
