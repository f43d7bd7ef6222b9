/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: a run queue per core, one list per level and a bitmap of levels that are not empty.
 *
 * A core only takes threads from its own queue; wakers on other cores push into it under its lock and send an IPI if what they
 * woke is more urgent than what runs there. A thread whose own core is busy goes to an idle one, if there is one and it may move. `running` is that hint. It is written under the lock when a core picks, so
 * a waker that comes after a pick of the idle thread sees -1 and sends the IPI: no wake-up waits for a sleeping core.
 *
 * The timer is one-shot: armed for the earliest of the end of the slice and the first deadline, and left alone as long as it is
 * armed for something not later. An idle core has no tick, only its deadlines and, every 2^40 ticks, a sync record that
 * keeps truncated trace times unambiguous.
 */
#include "sched/run_queue.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "gen/trace_emit.h"
#include "kernel/abi/message.h"
#include "sched/switch.h"
#include "sched/thread_impl.h"
#include "trace/ring/ring.h"

#define TIMER_TICKS_MAX (1ull << 40)

struct run_queue run_queues[CPU_MAX];

/* Bit n: core n runs its idle thread and nobody has sent it work yet. Set and cleared by the core, cleared by who sends work. */
static atomic_uint idle_cores;

void run_queue_init(void)
{
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        struct run_queue *queue = &run_queues[cpu];
        spinlock_init(&queue->lock, "run queue", LOCK_RANK_RUN_QUEUE);
        spinlock_init(&queue->timer_lock, "deadlines", LOCK_RANK_TIMER);
        for (unsigned level = 0; level < THREAD_PRIORITIES; level++) {
            list_init(&queue->level[level]);
        }
        atomic_store_explicit(&queue->running, -1, memory_order_relaxed);
        queue->timer_at = DEADLINE_FOREVER;
    }
}

static struct run_queue *own_queue(void)
{
    return &run_queues[cpu_id()];
}

/* Make sure the timer fires at `when` or earlier. */
static void arm_no_later(struct run_queue *queue, ns_t when)
{
    if (when < queue->timer_at) {
        queue->timer_at = when;
        timer_arm(clock_tsc_at(when));
    }
}

static void push_locked(struct run_queue *queue, struct thread *thread, bool front)
{
    ASSERT(list_is_empty(&thread->run_link)); /* T3 */
    if (front) {
        list_push_front(&queue->level[thread->priority], &thread->run_link);
    } else {
        list_push_back(&queue->level[thread->priority], &thread->run_link);
    }
    queue->levels |= 1u << thread->priority;
    queue->ready++;
}

static struct thread *pop_locked(struct run_queue *queue)
{
    if (queue->levels == 0) {
        return NULL;
    }
    unsigned level = 31 - (unsigned)__builtin_clz(queue->levels);
    struct thread *thread = LIST_FIRST(&queue->level[level], struct thread, run_link);
    list_remove(&thread->run_link);
    ASSERT(thread->run == THREAD_READY);
    if (list_is_empty(&queue->level[level])) {
        queue->levels &= ~(1u << level);
    }
    queue->ready--;
    return thread;
}

void sched_pick(struct thread *prev, enum trace_thread_state state)
{
    struct run_queue *queue = own_queue();
    struct thread *idle = this_cpu()->idle;
    spinlock_acquire(&queue->lock);
    struct thread *next = pop_locked(queue);
    if (next == NULL) {
        next = idle;
    }
    int priority = next == idle ? -1 : next->priority;
    atomic_store_explicit(&queue->running, priority, memory_order_relaxed);
    if (next == idle) {
        atomic_fetch_or_explicit(&idle_cores, 1u << idle->cpu, memory_order_relaxed);
    } else if (prev == idle) {
        atomic_fetch_and_explicit(&idle_cores, ~(1u << idle->cpu), memory_order_relaxed);
    }
    spinlock_release(&queue->lock);
    queue->switches++;
    if (next != idle) {
        queue->slice_end = clock_now() + THREAD_SLICE_NS;
        arm_no_later(queue, queue->slice_end);
    }
    if (prev->run == THREAD_READY && state > TRACE_THREAD_STATE_YIELDED) {
        state = TRACE_THREAD_STATE_READY; /* woken before it had left */
    }
    if (next == prev) {
        /* Woken before it had left, perhaps to be ended: it goes on. */
        prev->run = THREAD_RUNNING;
        this_cpu()->work |= CPU_WORK_PENDING;
        return;
    }
    thread_switch(prev, next, state, TRACE_SWITCH_REASON_PICK);
}

/* The running thread goes back to its queue and somebody else may run. */
static void requeue_and_pick(struct thread *self, enum trace_thread_state state, bool front)
{
    struct run_queue *queue = own_queue();
    if (self == this_cpu()->idle) {
        return; /* the idle loop looks at the queue by itself */
    }
    self->run = THREAD_READY;
    spinlock_acquire(&queue->lock);
    push_locked(queue, self, front);
    spinlock_release(&queue->lock);
    sched_pick(self, state);
}

void sched_place(struct thread *thread)
{
    bool busy = atomic_load_explicit(&run_queues[thread->cpu].running, memory_order_relaxed) >= 0;
    unsigned idle = atomic_load_explicit(&idle_cores, memory_order_relaxed);
    if (!busy || idle == 0 || !thread_may_move(thread)) {
        return;
    }
    unsigned cpu = (unsigned)__builtin_ctz(idle);
    if (atomic_fetch_and_explicit(&idle_cores, ~(1u << cpu), memory_order_relaxed) & 1u << cpu) {
        thread->cpu = (uint16_t)cpu;
    }
}

void sched_push(struct thread *thread)
{
    struct run_queue *queue = &run_queues[thread->cpu];
    thread->run = THREAD_READY;
    spinlock_acquire(&queue->lock);
    push_locked(queue, thread, false);
    int running = atomic_load_explicit(&queue->running, memory_order_relaxed);
    spinlock_release(&queue->lock);
    if ((int)thread->priority <= running) {
        return; /* its turn comes at the end of the slice, whose timer is armed */
    }
    if (queue == own_queue()) {
        this_cpu()->work |= CPU_WORK_RESCHEDULE;
    } else {
        trace_irq_ipi(TRACE_IPI_KIND_RESCHEDULE, thread->cpu);
        ipi_send(thread->cpu, VECTOR_RESCHEDULE);
    }
}

/* True if something in the queue may take the core from a thread of this priority: better, or equal and the slice is over. */
static bool has_better(struct run_queue *queue, int priority, bool slice_over)
{
    int best = queue->levels == 0 ? -1 : 31 - __builtin_clz(queue->levels);
    return best > priority || (slice_over && best == priority);
}

void thread_yield(void)
{
    requeue_and_pick(current_thread(), TRACE_THREAD_STATE_YIELDED, false);
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

void sched_timer(void)
{
    struct run_queue *queue = own_queue();
    ns_t now = clock_now();
    uint64_t ticket;
    struct thread *due;
    queue->timer_at = DEADLINE_FOREVER;
    while ((due = deadline_take_due(queue, now, &ticket)) != NULL) {
        if (thread_claim(due, ticket)) {
            trace_timer_fire(due->tid, now);
            thread_ready(due, ERR_TIMED_OUT, TRACE_WAKE_REASON_TIMEOUT);
        }
    }
    ns_t next = deadline_first(queue);
    if (current_thread() == this_cpu()->idle) {
        keep_time_unambiguous(queue);
        next = MIN(next, now + clock_ns_of_ticks(TIMER_TICKS_MAX));
    } else {
        if (now >= queue->slice_end) {
            this_cpu()->work |= CPU_WORK_SLICE;
            queue->slice_end = now + THREAD_SLICE_NS;
        }
        next = MIN(next, queue->slice_end);
    }
    arm_no_later(queue, next);
}

void sched_deadline_armed(ns_t when)
{
    arm_no_later(own_queue(), when);
}

void sched_reschedule(void)
{
    this_cpu()->work |= CPU_WORK_RESCHEDULE | CPU_WORK_PENDING;
}

/* Let a better thread run, if there is one: at once after a wake-up, an equal one when the slice is over. */
static void preempt(uint32_t work)
{
    struct thread *self = current_thread();
    bool slice_over = work & CPU_WORK_SLICE;
    if (self != this_cpu()->idle && has_better(own_queue(), self->priority, slice_over)) {
        requeue_and_pick(self, TRACE_THREAD_STATE_PREEMPTED, !slice_over);
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

void user_return_work(struct trap_frame *frame)
{
    (void)frame;
    struct cpu *cpu;
    while ((cpu = this_cpu())->work != 0) {
        uint32_t work = cpu->work;
        cpu->work = 0;
        if (work & CPU_WORK_TRACE) {
            trace_notify();
        }
        if (atomic_load_explicit(&current_thread()->pending, memory_order_relaxed) &
            THREAD_PENDING_KILL) {
            thread_exit(0);
        }
        preempt(work);
    }
}

/* One round of the idle loop. */
static void idle_once(struct run_queue *queue, struct thread *idle)
{
    struct cpu *cpu = this_cpu();
    if (cpu->work & CPU_WORK_TRACE) {
        cpu->work &= ~CPU_WORK_TRACE;
        trace_notify();
    }
    core_poll();
    if (*(volatile uint32_t *)&queue->levels != 0) {
        sched_pick(idle, TRACE_THREAD_STATE_READY);
    } else {
        cpu_idle_wait();
    }
}

void sched_wait_idle(ns_t until)
{
    struct run_queue *queue = own_queue();
    while (clock_now() < until) {
        arm_no_later(queue, until);
        idle_once(queue, this_cpu()->idle);
    }
}

void sched_run(void)
{
    struct run_queue *queue = own_queue();
    arm_no_later(queue, clock_now() + clock_ns_of_ticks(TIMER_TICKS_MAX));
    for (;;) {
        idle_once(queue, this_cpu()->idle);
    }
}
