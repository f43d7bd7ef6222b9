/* SPDX-License-Identifier: MIT */
/*
 * Changing threads on a core. Inline, because this and the message path around it are the hottest code of the kernel: measured,
 * the calls and saved registers of separate functions cost 60 instructions of every switch.
 */
#pragma once

#include "arch/cpu.h"
#include "base/assert.h"
#include "gen/trace_emit.h"
#include "kernel/abi/message.h"
#include "mm/tlb.h"
#include "sched/thread.h"
#include "trace/ring/ring.h"

/* thread_left() - the core has switched away from a thread that is dead or moves: free it, or queue it where it goes. */
void thread_left(struct thread *thread);

/* thread_switch_finish() - second half of a switch, on the new thread's stack; a new thread calls it first. */
static inline void thread_switch_finish(void)
{
    struct thread *previous = this_cpu()->previous;
    bool more = previous->run >= THREAD_MOVING; /* before somebody else may run it */
    /* Pairs with the acquire in thread_may_run_here(): everything the switch stored is visible to who runs it next. */
    atomic_store_explicit(&previous->on_cpu, 0, memory_order_release);
    if (UNLIKELY(more)) {
        thread_left(previous);
    }
}

/* thread_switch_special() - the part of a switch that few threads need: FPU state, segment bases, the lane of a trace
 * consumer, a kill to be noticed. On prev's stack, before the switch. */
void thread_switch_special(struct thread *prev, struct thread *next);

/*
 * thread_switch_begin() - first half of a switch: this core now belongs to next, but for the stack that it runs on.
 *
 * next->cpu is this core. Context: interrupts off, no lock held. The caller goes on to next's stack, or to its user mode, and then
 * clears prev->on_cpu.
 */
static ALWAYS_INLINE void thread_switch_begin(struct cpu *cpu, struct thread *prev,
                                              struct thread *next, enum trace_thread_state state,
                                              enum trace_switch_reason reason)
{
    ASSERT(atomic_load_explicit(&next->on_cpu, memory_order_relaxed) == 0); /* T2 */
    trace_sched_thread_switch(state, reason, prev->tid, next->tid, next->priority);
    tsc_t now = cpu_tsc();
    prev->ticks += (int64_t)now;
    next->ticks -= (int64_t)now;
    cpu->current = next;
    cpu->current_tid = next->tid;
    next->run = THREAD_RUNNING;
    atomic_store_explicit(&next->on_cpu, 1, memory_order_relaxed);
    cpu->kernel_stack_top = next->stack_top;
    *cpu->tss_rsp0 = next->stack_top;
    tlb_use_root(cpu, next->root);
    if (UNLIKELY((prev->unusual | *(volatile uint32_t *)&next->unusual) != 0)) {
        thread_switch_special(prev, next);
    }
}

/*
 * thread_switch() - change threads and kernel stacks. (The other place where a core changes threads is ipc/direct.c, which changes
 * no stack.)
 *
 * prev has been queued, has a ticket, is dead or is the idle thread; next is owned by the caller: claimed or taken from the queue.
 * Returns when prev runs again, perhaps on another core. Context: interrupts off, no lock held.
 */
static ALWAYS_INLINE void thread_switch(struct thread *prev, struct thread *next,
                                        enum trace_thread_state state,
                                        enum trace_switch_reason reason)
{
    struct cpu *cpu = this_cpu();
    next->cpu = (uint16_t)cpu->id;
    thread_switch_begin(cpu, prev, next, state, reason);
    cpu->previous = prev;
    context_switch(&prev->context, &next->context);
    thread_switch_finish();
}

/*
 * thread_park() - wait, as thread_wait() does without a deadline, in a system call that has nothing left to do on its
 * way back but what `resumed` does: the kernel stack is given up, all that is kept is the frame.
 *
 * The ticket is out, and nobody had asked anything of the thread after it was. resumed: a stub of entry.asm, which finishes the switch and
 * gives the results. Cost: no register saved, no call returned from: 90 instructions less than thread_wait() from a system call.
 */
NORETURN void thread_park(struct thread *self, void (*resumed)(void));

/*
 * thread_park_to() - the same, and a thread that the caller has claimed, of which thread_may_follow() is true, goes on here, through no run
 * queue; time slice lent. thread_give_way() - the current thread, which waits for nothing, stays ready and makes room at once for a
 * claimed one, of which thread_outranks_here() is true.
 */
NORETURN void thread_park_to(struct thread *self, struct thread *to, void (*resumed)(void));
NORETURN void thread_give_way(struct thread *self, struct thread *to, void (*resumed)(void));

/* thread_may_park() - nobody asks anything of the current thread, whose ticket is out (T4). */
static inline bool thread_may_park(const struct thread *self)
{
    return atomic_load_explicit(&self->pending, memory_order_relaxed) == 0;
}

/* thread_has_left() - T2: the core it ran on has finished switching away. */
static inline bool thread_has_left(const struct thread *thread)
{
    /* Pairs with the release in thread_switch_finish(), and the store in entry.asm. */
    return atomic_load_explicit(&thread->on_cpu, memory_order_acquire) == 0;
}

/* thread_may_run_here() - a thread that the caller has claimed or made may run on this core. */
static inline bool thread_may_run_here(const struct thread *thread)
{
    return (!thread->pinned || thread->affinity >> cpu_id() & 1) && thread_has_left(thread);
}

/*
 * thread_hand_over() - after a successful claim: the current thread, which has a ticket of its own or is ready, stops and the
 * claimed one goes on here, without a run queue in between; time slice lent. Falls back to thread_ready() and thread_wait()
 * when the other may not run here (pinned elsewhere, still leaving another core).
 * Returns the current thread's own wake status.
 */
status_t thread_hand_over_slow(struct thread *self, uint64_t ticket, ns_t deadline,
                               struct thread *to, status_t status, enum trace_wake_reason reason);
static ALWAYS_INLINE status_t thread_hand_over(struct thread *self, uint64_t ticket, ns_t deadline,
                                               struct thread *to, status_t status,
                                               enum trace_wake_reason reason)
{
    bool pending = atomic_load_explicit(&self->pending, memory_order_relaxed) != 0;
    if (UNLIKELY(pending || deadline != DEADLINE_FOREVER || !thread_may_run_here(to))) {
        return thread_hand_over_slow(self, ticket, deadline, to, status, reason);
    }
    to->wake_status = status;
    thread_switch(self, to, self->wait, TRACE_SWITCH_REASON_HANDOFF);
    return self->wake_status;
}
