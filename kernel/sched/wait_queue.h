/* SPDX-License-Identifier: MIT */
/* A plain queue of waiting threads, for things that are not mailboxes. */
#pragma once

#include "base/list.h"
#include "gen/errors.h"
#include "gen/trace_events.h"
#include "sync/spinlock.h"

struct wait_queue {
    struct spinlock lock;
    struct list waiters; /* (lock) thread.wait_link */
};

void wait_queue_init(struct wait_queue *queue, const char *name);

/*
 * wait_queue_wait_locked() - wait on the queue whose lock is held after the condition was found false; releases the lock.
 * Returns OK (woken: look again), ERR_TIMED_OUT, ERR_CANCELLED. A deadline of 0 returns ERR_TIMED_OUT at once.
 */
status_t wait_queue_wait_locked(struct wait_queue *queue, ns_t deadline,
                                enum trace_thread_state why, void *object);
/* wait_queue_claim_locked() - take one thread off the queue, which the caller makes ready; NULL: nobody waits. */
struct thread *wait_queue_claim_locked(struct wait_queue *queue);
void wait_queue_wake_all_locked(struct wait_queue *queue, enum trace_wake_reason reason);
