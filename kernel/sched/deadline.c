/* SPDX-License-Identifier: MIT */
/*
 * Deadlines: a pairing heap per core, its nodes inside the threads, so arming never allocates.
 *
 * Arm O(1), take the earliest O(log n) amortised, disarm anywhere O(log n) amortised. A binary heap would need an array that
 * grows, a timer wheel rounds the times; both were rejected.
 *
 *      root ── child ── next ── next          child: first of the children, linked by next
 *                │                            previous: parent for a first child, else the left sibling
 *              child ── next
 */
#include "base/assert.h"
#include "gen/trace_emit.h"
#include "kernel/abi/message.h"
#include "sched/run_queue.h"

static struct deadline *meld(struct deadline *a, struct deadline *b)
{
    if (a == NULL) {
        return b;
    }
    if (b == NULL) {
        return a;
    }
    if (b->when < a->when) {
        struct deadline *swap = a;
        a = b;
        b = swap;
    }
    b->previous = a;
    b->next = a->child;
    if (a->child != NULL) {
        a->child->previous = b;
    }
    a->child = b;
    a->next = NULL;
    a->previous = NULL;
    return a;
}

/* Meld a list of siblings: pairs from left to right, then the pairs from right to left. */
static struct deadline *meld_siblings(struct deadline *first)
{
    struct deadline *pairs = NULL;
    while (first != NULL) {
        struct deadline *a = first;
        struct deadline *b = a->next;
        first = b == NULL ? NULL : b->next;
        a->next = NULL;
        if (b != NULL) {
            b->next = NULL;
        }
        struct deadline *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    struct deadline *root = NULL;
    while (pairs != NULL) {
        struct deadline *rest = pairs->next;
        pairs->next = NULL;
        root = meld(root, pairs);
        pairs = rest;
    }
    return root;
}

static void remove_locked(struct run_queue *queue, struct deadline *node)
{
    struct deadline *below = meld_siblings(node->child);
    if (node == queue->deadlines) {
        queue->deadlines = below;
    } else {
        if (node->previous->child == node) {
            node->previous->child = node->next;
        } else {
            node->previous->next = node->next;
        }
        if (node->next != NULL) {
            node->next->previous = node->previous;
        }
        queue->deadlines = meld(queue->deadlines, below);
    }
    if (queue->deadlines != NULL) {
        queue->deadlines->previous = NULL;
        queue->deadlines->next = NULL;
    }
    node->child = node->next = node->previous = NULL;
    node->armed = false;
}

void deadline_arm(struct thread *thread, uint64_t ticket, ns_t when)
{
    struct run_queue *queue = &run_queues[cpu_id()];
    struct deadline *node = &thread->deadline;
    spinlock_acquire(&queue->timer_lock);
    ASSERT(!node->armed);
    *node =
        (struct deadline){.when = when, .ticket = ticket, .cpu = (uint16_t)cpu_id(), .armed = true};
    queue->deadlines = meld(queue->deadlines, node);
    spinlock_release(&queue->timer_lock);
    trace_timer_arm(thread->tid, when);
}

void deadline_disarm(struct thread *thread)
{
    struct deadline *node = &thread->deadline;
    struct run_queue *queue = &run_queues[node->cpu];
    spinlock_acquire(&queue->timer_lock);
    if (node->armed) {
        remove_locked(queue, node);
    }
    spinlock_release(&queue->timer_lock);
}

struct thread *deadline_take_due(struct run_queue *queue, ns_t now, uint64_t *out_ticket)
{
    struct thread *thread = NULL;
    spinlock_acquire(&queue->timer_lock);
    struct deadline *first = queue->deadlines;
    if (first != NULL && first->when <= now) {
        thread = CONTAINER_OF(first, struct thread, deadline);
        *out_ticket = first->ticket;
        remove_locked(queue, first);
    }
    spinlock_release(&queue->timer_lock);
    return thread;
}

ns_t deadline_first(struct run_queue *queue)
{
    spinlock_acquire(&queue->timer_lock);
    ns_t first = queue->deadlines == NULL ? DEADLINE_FOREVER : queue->deadlines->when;
    spinlock_release(&queue->timer_lock);
    return first;
}
