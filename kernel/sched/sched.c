/* SPDX-License-Identifier: MIT */
/*
 * Picking, preemption, the timer, the idle loop of one core.
 *
 * A slice is given to a thread by sched_pick() and belongs to the core from then on: a direct
 * hand-over (switch.h) passes it, with its level, to the next thread, so a server works at the
 * level and on the time of its client without an instruction spent on it. Levels change only here:
 * a slice used up sinks the thread that runs, a block early in a slice lifts it (feedback.h).
 *
 * Wakers on other cores push into this core's queue under its lock and send an IPI if what they
 * woke is above `running`, the level of what runs or has been sent already. It is written under the
 * lock when the core picks, so a waker that comes after a pick of the idle thread sees -1 and sends
 * the IPI: no wake-up waits for a sleeping core.
 *
 * The timer is one-shot: armed for the earliest of the end of the slice and the first deadline, and
 * left alone as long as it is armed for something not later. An idle core has no tick, only its
 * deadlines and, every 2^40 ticks, a sync record that keeps truncated trace times unambiguous.
 */
#include "sched/sched.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "gen/trace_emit.h"
#include "kernel/abi/message.h"
#include "sched/dispatch.h"
#include "trace/ring/ring.h"
#include "trace/ring/trigger.h"

#define TIMER_TICKS_MAX (1ull << 40)

static inline struct run_queue *own_queue(void)
{
    return this_cpu()->run_queue;
}

struct thread *sched_steal_next(struct run_queue *queue, tsc_t now)
{
    struct thread *next = sched_steal(cpu_id(), now);
    if (next != NULL) {
        spinlock_acquire(&queue->lock);
        sched_announce_locked(queue, next);
        spinlock_release(&queue->lock);
    }
    return next;
}

static void pick(struct thread *prev, enum trace_thread_state state, enum requeue requeue)
{
    struct cpu *cpu = this_cpu();
    tsc_t now = cpu_tsc();
    struct thread *next = sched_choose_next(cpu, prev, state, requeue, now);
    if (next != prev) {
        cpu->run_queue->switches++;
        thread_switch(prev, next, sched_state_left(prev, state), TRACE_SWITCH_REASON_PICK);
    } else if (prev != cpu->idle) {
        sched_run_on(cpu, prev);
    }
}

void sched_pick(struct thread *prev, enum trace_thread_state state)
{
    pick(prev, state, REQUEUE_NOT);
}

/* The running thread stays ready, here or on another core, and somebody else may run. */
static void requeue(struct thread *self, enum trace_thread_state state, enum requeue how)
{
    unsigned cpu = sched_elsewhere(self);
    if (cpu == cpu_id()) {
        self->run = THREAD_READY;
        pick(self, state, how);
    } else {
        own_queue()->given++;
        self->run = THREAD_MOVING;
        self->cpu = (uint16_t)cpu;
        pick(self, state, REQUEUE_NOT);
    }
}

void thread_left(struct thread *thread)
{
    if (thread->run == THREAD_DEAD) {
        thread_reap(thread);
    } else {
        sched_push(thread);
    }
}

void sched_kick(unsigned cpu)
{
    if (cpu == cpu_id()) {
        this_cpu()->work |= CPU_WORK_RESCHEDULE;
    } else {
        trace_irq_ipi(TRACE_IPI_KIND_RESCHEDULE, (uint8_t)cpu);
        ipi_send(cpu, VECTOR_RESCHEDULE);
    }
}

void sched_push(struct thread *thread)
{
    sched_push_inline(thread);
}

void thread_ready(struct thread *thread, status_t status, enum trace_wake_reason reason)
{
    thread_ready_inline(thread, status, reason);
}

void sched_relevel(struct thread *thread)
{
    unsigned cpu = thread->cpu;
    struct run_queue *queue = &run_queues[cpu];
    bool takes_over = false;
    spinlock_acquire(&queue->lock);
    /* In this order: who queues it elsewhere sets cpu first. */
    bool is_here = !list_is_empty(&thread->run_link) && *(volatile uint16_t *)&thread->cpu == cpu;
    if (is_here && thread->queued != thread_level(thread)) {
        run_queue_remove_locked(queue, thread);
        takes_over = sched_add_locked(queue, cpu, thread, thread->ready_since);
    }
    spinlock_release(&queue->lock);
    if (takes_over) {
        sched_kick(cpu);
    }
}

void thread_yield(void)
{
    struct thread *self = current_thread();
    self->run = THREAD_READY;
    pick(self, TRACE_THREAD_STATE_YIELDED, REQUEUE_LAST);
}

/* Records carry 42 bits of time: a lane that was silent for long gets one with all of it. */
static void keep_time_unambiguous(struct run_queue *queue)
{
    tsc_t now = cpu_tsc();
    if (now - queue->last_sync > TIMER_TICKS_MAX / 2) {
        queue->last_sync = now;
        trace_sync();
    }
}

/* Wake who waits for a time that has come; when the next will. */
static tsc_t serve_deadlines(struct run_queue *queue)
{
    ns_t now = clock_now();
    uint64_t ticket;
    struct thread *due;
    while ((due = deadline_take_due(queue, now, &ticket)) != NULL) {
        if (thread_claim(due, ticket)) {
            trace_timer_fire(due->tid, now);
            thread_ready(due, ERR_TIMED_OUT, TRACE_WAKE_REASON_TIMEOUT);
        }
    }
    ns_t next = deadline_first(queue);
    return next == DEADLINE_FOREVER ? TIMER_NEVER : clock_tsc_at(next);
}

void sched_timer(void)
{
    struct run_queue *queue = own_queue();
    queue->timer_at = TIMER_NEVER;
    tsc_t next = serve_deadlines(queue);
    tsc_t now = cpu_tsc();
    if (current_thread() == this_cpu()->idle) {
        keep_time_unambiguous(queue);
        next = MIN(next, now + TIMER_TICKS_MAX);
    } else {
        bool over = now >= queue->slice_end;
        this_cpu()->work |= over ? CPU_WORK_SLICE : 0;
        next = MIN(next, over ? now + level_slice_ticks[queue->slice_level] : queue->slice_end);
    }
    sched_arm_no_later(queue, next);
    if (UNLIKELY(trace_trigger_waits())) {
        this_cpu()->work |= CPU_WORK_TRIGGER;
    }
}

void sched_deadline_armed(ns_t when)
{
    sched_arm_no_later(own_queue(), clock_tsc_at(when));
}

void sched_reschedule(void)
{
    this_cpu()->work |= CPU_WORK_RESCHEDULE | CPU_WORK_PENDING;
}

/* The running thread goes on, at the level that it has now: wakers must know. */
static void go_on(struct run_queue *queue, int level)
{
    if (atomic_load_explicit(&queue->running, memory_order_relaxed) != level) {
        spinlock_acquire(&queue->lock);
        int best = run_queue_best(queue); /* who pushed it has told this core */
        atomic_store_explicit(&queue->running, MAX(level, best), memory_order_relaxed);
        spinlock_release(&queue->lock);
    }
}

/* After a wake-up: a better thread runs at once. */
static void give_way(struct run_queue *queue, struct thread *self)
{
    int level = (int)MAX(thread_level(self), queue->slice_level);
    if (run_queue_best(queue) > level) {
        requeue(self, TRACE_THREAD_STATE_PREEMPTED, REQUEUE_FIRST);
    } else {
        go_on(queue, level);
    }
}

/* The running thread has used up a slice: it sinks, who waited too long rises, an equal may run. */
static void end_slice(struct run_queue *queue, struct thread *self, tsc_t now)
{
    self->level = (uint8_t)level_sunk(self->level, self->priority);
    unsigned level = thread_level(self);
    spinlock_acquire(&queue->lock);
    run_queue_age_locked(queue, now);
    spinlock_release(&queue->lock);
    if (run_queue_best(queue) >= (int)level) {
        queue->slice_end = 0; /* nothing is left of it */
        requeue(self, TRACE_THREAD_STATE_PREEMPTED, REQUEUE_LAST);
    } else {
        queue->slice_level = (uint8_t)level;
        queue->slice_end = now + level_slice_ticks[level];
        sched_arm_no_later(queue, queue->slice_end);
        go_on(queue, (int)level);
        sched_offer(queue);
    }
}

static void preempt(uint32_t work)
{
    struct thread *self = current_thread();
    struct run_queue *queue = own_queue();
    if (self == this_cpu()->idle) {
        return; /* the idle loop looks at the queue by itself */
    }
    tsc_t now = work & CPU_WORK_SLICE ? cpu_tsc() : 0;
    if (now >= queue->slice_end) { /* else the note was about somebody else's */
        end_slice(queue, self, now);
    } else {
        give_way(queue, self);
    }
}

void preempt_point(void)
{
    cpu_irq_window();
    uint32_t work = this_cpu()->work & (CPU_WORK_RESCHEDULE | CPU_WORK_SLICE);
    if (work != 0) {
        this_cpu()->work &= ~work;
        preempt(work);
    }
}

/* Its affinity has changed: go where it may run. */
static void leave_forbidden_core(struct thread *self)
{
    if (self->affinity >> cpu_id() & 1) {
        return;
    }
    self->run = THREAD_MOVING;
    self->cpu = (uint16_t)sched_elsewhere(self);
    pick(self, TRACE_THREAD_STATE_PREEMPTED, REQUEUE_NOT);
}

static void serve_trace(uint32_t work)
{
    if (work & CPU_WORK_TRACE) {
        trace_notify();
    }
    tsc_t next = work & CPU_WORK_TRIGGER ? trace_trigger_serve() : 0;
    if (next != 0) {
        sched_arm_no_later(own_queue(), next);
    }
}

void user_return_work(struct trap_frame *frame)
{
    (void)frame;
    struct cpu *cpu;
    while ((cpu = this_cpu())->work != 0) {
        uint32_t work = cpu->work;
        cpu->work = 0;
        if (work & (CPU_WORK_TRACE | CPU_WORK_TRIGGER)) {
            serve_trace(work);
        }
        struct thread *self = current_thread();
        unsigned pending = atomic_load_explicit(&self->pending, memory_order_relaxed);
        if (pending & THREAD_PENDING_KILL) {
            thread_exit(0);
        }
        if (UNLIKELY(pending & THREAD_PENDING_STOP)) {
            thread_stay_suspended(self);
            continue;
        }
        if (UNLIKELY(pending & THREAD_PENDING_MOVE)) {
            atomic_fetch_and_explicit(&self->pending, (unsigned short)~THREAD_PENDING_MOVE,
                                      memory_order_relaxed);
            leave_forbidden_core(self);
        }
        if (work & (CPU_WORK_RESCHEDULE | CPU_WORK_SLICE)) {
            preempt(work);
        }
    }
}

/* One round of the idle loop. */
static void idle_once(struct run_queue *queue, struct thread *idle)
{
    struct cpu *cpu = this_cpu();
    uint32_t work = cpu->work;
    cpu->work = 0; /* a pending kill is noted again when its thread comes */
    if (work & (CPU_WORK_TRACE | CPU_WORK_TRIGGER)) {
        serve_trace(work);
    }
    core_poll();
    if (run_queue_best(queue) >= 0 || work & CPU_WORK_RESCHEDULE) {
        sched_pick(idle, TRACE_THREAD_STATE_READY);
    } else {
        cpu_idle_wait();
    }
}

void sched_wait_idle(ns_t until)
{
    struct run_queue *queue = own_queue();
    while (clock_now() < until) {
        sched_arm_no_later(queue, clock_tsc_at(until));
        idle_once(queue, this_cpu()->idle);
    }
}

void sched_run(void)
{
    struct run_queue *queue = own_queue();
    queue->idle = true;
    sched_mark_idle(cpu_id(), true);
    sched_arm_no_later(queue, cpu_tsc() + TIMER_TICKS_MAX);
    for (;;) {
        idle_once(queue, this_cpu()->idle);
    }
}
