/* SPDX-License-Identifier: MIT */
/*
 * Queueing a thread that has become ready, and choosing whom a core runs next. Inline: besides the functions of sched.c, the waits of
 * ipc/ that park are made of this, and there every call and saved register is seen (ipc/README.md).
 */
#pragma once

#include "arch/clock.h"
#include "arch/interrupt.h"
#include "sched/switch.h"
#include "sched/thread_impl.h"

/* Where the running thread goes when it is to run on later. */
enum requeue { REQUEUE_NOT, REQUEUE_FIRST, REQUEUE_LAST };

/* Make sure the timer fires at `when` or earlier. */
static inline void sched_arm_no_later(struct run_queue *queue, tsc_t when)
{
    if (UNLIKELY(when < queue->timer_at)) {
        queue->timer_at = when;
        timer_arm(when);
    }
}

/* Tell wakers what will run. */
static inline void sched_announce_locked(struct run_queue *queue, const struct thread *next)
{
    int level = next == NULL ? -1 : next->queued;
    atomic_store_explicit(&queue->running, level, memory_order_relaxed);
    if (UNLIKELY(next == NULL || queue->idle)) {
        queue->idle = next == NULL;
        sched_mark_idle(cpu_id(), queue->idle);
    }
}

/* The core has run out of threads: one of another core's, announced; NULL: nobody. In sched.c. */
struct thread *sched_steal_next(struct run_queue *queue, tsc_t now);

/* The thread to run next, taken from here or from elsewhere; NULL: nobody. */
static ALWAYS_INLINE struct thread *sched_take_next(struct run_queue *queue, struct thread *self,
                                                    enum requeue requeue, tsc_t now)
{
    spinlock_acquire(&queue->lock);
    run_queue_age_locked(queue, now); /* a slice need not end: who runs may block before */
    if (requeue != REQUEUE_NOT) {
        run_queue_add_locked(queue, self, thread_level(self), requeue == REQUEUE_FIRST, now);
    }
    struct thread *next = run_queue_take_locked(queue);
    sched_announce_locked(queue, next);
    spinlock_release(&queue->lock);
    return LIKELY(next != NULL) ? next : sched_steal_next(queue, now);
}

/*
 * A thread that blocks early in a slice rises and gets a new one. Otherwise it goes on later with
 * what is left: blocking or yielding just before the end must not save it from sinking.
 */
static ALWAYS_INLINE void sched_settle_slice(const struct run_queue *queue, struct thread *prev,
                                             enum trace_thread_state state, tsc_t now)
{
    tsc_t left = queue->slice_end > now ? queue->slice_end - now : 1;
    bool blocks = state > TRACE_THREAD_STATE_YIELDED;
    if (queue->slice_end == 0) {
        prev->slice_left = 0;
    } else if (blocks && left > level_slice_ticks[prev->level] / 2) {
        prev->slice_left = 0;
        prev->level = (uint8_t)level_risen(prev->level, prev->priority);
    } else {
        prev->slice_left = left;
    }
}

static ALWAYS_INLINE void sched_begin_slice(struct run_queue *queue, struct thread *next, tsc_t now)
{
    tsc_t slice = next->slice_left;
    if (slice == 0) {
        slice = level_slice_ticks[next->queued];
    }
    queue->slice_level = next->queued;
    queue->slice_end = now + slice;
    sched_arm_no_later(queue, queue->slice_end);
}

/* End the slice of prev and begin that of whom this core runs next, which may be prev or the idle thread. */
static ALWAYS_INLINE struct thread *sched_choose_next(struct cpu *cpu, struct thread *prev,
                                                      enum trace_thread_state state,
                                                      enum requeue requeue, tsc_t now)
{
    struct run_queue *queue = cpu->run_queue;
    if (prev != cpu->idle) {
        sched_settle_slice(queue, prev, state, now);
    }
    struct thread *next = sched_take_next(queue, prev, requeue, now);
    trace_sched_queue_depth((uint8_t)MIN(queue->ready, UINT8_MAX));
    if (UNLIKELY(next == NULL)) {
        return cpu->idle;
    }
    sched_begin_slice(queue, next, now);
    return next;
}

/* Woken before it had left, perhaps to be ended: it goes on. */
static inline void sched_run_on(struct cpu *cpu, struct thread *self)
{
    self->run = THREAD_RUNNING;
    cpu->work |= CPU_WORK_PENDING;
}

/* What the trace says of a thread that leaves; nothing is blocked that was woken before it had left. */
static inline enum trace_thread_state sched_state_left(const struct thread *prev,
                                                       enum trace_thread_state state)
{
    bool woken = prev->run == THREAD_READY && state > TRACE_THREAD_STATE_YIELDED;
    return woken ? TRACE_THREAD_STATE_READY : state;
}

/* sched_kick() - a core must look at its queue. In sched.c. */
void sched_kick(unsigned cpu);

/* Queue a thread. True: it takes its core over, which has to be told. */
static inline bool sched_add_locked(struct run_queue *queue, unsigned cpu, struct thread *thread,
                                    tsc_t now)
{
    int level = (int)thread_level(thread);
    run_queue_add_locked(queue, thread, (unsigned)level, false, now);
    if (level <= atomic_load_explicit(&queue->running, memory_order_relaxed)) {
        return false; /* its turn comes when the slice is over, for which the timer is armed */
    }
    atomic_store_explicit(&queue->running, level, memory_order_relaxed);
    queue->kicks += cpu != cpu_id();
    return true;
}

static ALWAYS_INLINE void sched_push_inline(struct thread *thread)
{
    struct run_queue *queue = cpus[thread->cpu].run_queue;
    unsigned cpu = thread->cpu;
    tsc_t now = cpu_tsc();
    thread->run = THREAD_READY;
    spinlock_acquire(&queue->lock);
    bool takes_over = sched_add_locked(queue, cpu, thread, now);
    spinlock_release(&queue->lock);
    if (takes_over) {
        sched_kick(cpu);
    }
}

/* thread_ready(), for who is called often. */
static ALWAYS_INLINE void thread_ready_inline(struct thread *thread, status_t status,
                                              enum trace_wake_reason reason)
{
    thread->wake_status = status;
    sched_place(thread);
    trace_sched_thread_wake(reason, thread->tid, (uint8_t)thread->cpu, thread->priority);
    sched_push_inline(thread);
}

/* A claimed thread may run on this core and would be picked next: nothing better waits here. */
static inline bool thread_may_follow(const struct thread *thread)
{
    const struct run_queue *queue = this_cpu()->run_queue;
    return thread_may_run_here(thread) && run_queue_best(queue) <= (int)thread_level(thread);
}

/* A claimed thread would take this core over from the current one, and has no better place to go to. */
static inline bool thread_outranks_here(const struct thread *thread, const struct thread *self)
{
    const struct run_queue *queue = this_cpu()->run_queue;
    int level = (int)thread_level(thread);
    return level > atomic_load_explicit(&queue->running, memory_order_relaxed) &&
           level > run_queue_best(queue) && thread_may_park(self) && thread_may_run_here(thread) &&
           thread->cpu == cpu_id() &&
           (atomic_load_explicit(&sched_idle_cores, memory_order_relaxed) & thread->affinity) == 0;
}

/*
 * Make a claimed thread ready; or, if it outranks the current one, go over to it at once. For the last act of a system call or interrupt that
 * came from user mode: then it does not return, and the current thread goes on in `resumed` (thread_park()).
 */
static ALWAYS_INLINE void thread_ready_or_give_way(struct thread *thread,
                                                   enum trace_wake_reason reason,
                                                   void (*resumed)(void))
{
    struct thread *self = current_thread();
    if (thread_outranks_here(thread, self)) {
        thread->wake_status = OK;
        trace_sched_thread_wake(reason, thread->tid, (uint8_t)thread->cpu, thread->priority);
        thread_give_way(self, thread, resumed);
    }
    thread_ready_inline(thread, OK, reason);
}
