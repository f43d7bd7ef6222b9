/* SPDX-License-Identifier: MIT */
/*
 * Parking: a wait that keeps nothing of the kernel stack but the frame (sched/switch.h).
 *
 * Nothing here returns, so no register of the caller is worth saving: compiled with CFLAGS_ENTRY.
 */
#include "sched/dispatch.h"

/* The core goes on with next; self has been parked. */
static ALWAYS_INLINE NORETURN void go_to(struct cpu *cpu, struct thread *self, struct thread *next,
                                         enum trace_thread_state state,
                                         enum trace_switch_reason reason)
{
    next->cpu = (uint16_t)cpu->id;
    thread_switch_begin(cpu, self, next, state, reason);
    cpu->previous = self;
    context_resume(&next->context);
}

void thread_park(struct thread *self, void (*resumed)(void))
{
    struct cpu *cpu = this_cpu();
    tsc_t now = cpu_tsc();
    context_park_at(&self->context, self->frame, resumed);
    struct thread *next = sched_choose_next(cpu, self, self->wait, REQUEUE_NOT, now);
    if (LIKELY(next != self)) {
        cpu->run_queue->switches++;
        go_to(cpu, self, next, sched_state_left(self, self->wait), TRACE_SWITCH_REASON_PICK);
    }
    sched_run_on(cpu, self);
    cpu->previous = cpu->idle; /* nobody has left; it has long ago */
    context_resume(&self->context);
}

void thread_park_to(struct thread *self, struct thread *to, void (*resumed)(void))
{
    context_park_at(&self->context, self->frame, resumed);
    go_to(this_cpu(), self, to, self->wait, TRACE_SWITCH_REASON_HANDOFF);
}

void thread_give_way(struct thread *self, struct thread *to, void (*resumed)(void))
{
    struct cpu *cpu = this_cpu();
    struct run_queue *queue = cpu->run_queue;
    tsc_t now = cpu_tsc();
    context_park_at(&self->context, self->frame, resumed);
    sched_settle_slice(queue, self, TRACE_THREAD_STATE_PREEMPTED, now);
    self->run = THREAD_READY;
    to->queued = (uint8_t)thread_level(to);
    spinlock_acquire(&queue->lock);
    run_queue_add_locked(queue, self, thread_level(self), true, now);
    sched_announce_locked(queue, to);
    spinlock_release(&queue->lock);
    trace_sched_queue_depth((uint8_t)MIN(queue->ready, UINT8_MAX));
    sched_begin_slice(queue, to, now);
    queue->switches++;
    go_to(cpu, self, to, TRACE_THREAD_STATE_PREEMPTED, TRACE_SWITCH_REASON_PICK);
}
