/* SPDX-License-Identifier: MIT */
/*
 * What others may do to a thread: priority, affinity, stop, kill, wait for its end.
 *
 * A thread is only ever stopped by itself, on its way to user mode. Others leave a bit in
 * thread->pending and run a rendezvous. When that is over, each core has been in the kernel since
 * and looks at the bit before it goes back, so the thread is not in user mode; and a thread that
 * has not seen the bit on its way into a wait has its ticket published (T4), so the wait can be
 * ended or left alone.
 */
#include "arch/cpu.h"
#include "base/assert.h"
#include "gen/trace_emit.h"
#include "kernel/abi/message.h"
#include "sched/process.h"
#include "sched/switch.h"
#include "sched/thread_impl.h"
#include "sync/rendezvous.h"

status_t thread_set_priority(struct thread *thread, unsigned priority)
{
    if (priority > thread->process->priority_ceiling) {
        return ERR_RANGE;
    }
    thread->priority = (uint8_t)priority;
    thread->level = (uint8_t)priority;
    sched_relevel(thread);
    return OK;
}

static void nothing(void *argument)
{
    (void)argument;
}

static uint32_t all_cores(void)
{
    return cpu_count() == 32 ? UINT32_MAX : (1u << cpu_count()) - 1;
}

/*
 * The mask is seen by whoever places the thread from now on. If it is placed already, it looks for
 * itself before it is back in user mode: the rendezvous interrupts it wherever it runs.
 */
status_t thread_set_affinity(struct thread *thread, uint32_t cores)
{
    if ((cores & all_cores()) == 0) {
        return ERR_RANGE;
    }
    thread->affinity = cores;
    thread->pinned = (cores & all_cores()) != all_cores();
    atomic_fetch_or_explicit(&thread->pending, THREAD_PENDING_MOVE, memory_order_seq_cst);
    rendezvous_run(nothing, NULL);
    return OK;
}

void thread_mark_killed(struct thread *thread, uint64_t code)
{
    spinlock_acquire(&thread->exit.lock);
    unsigned pending = atomic_load_explicit(&thread->pending, memory_order_relaxed);
    if (!(pending & THREAD_PENDING_KILL) && !thread->ended) {
        thread->code = code;
        /* Pairs with the acquire in thread_exit(). */
        atomic_fetch_or_explicit(&thread->pending, THREAD_PENDING_KILL, memory_order_release);
    }
    spinlock_release(&thread->exit.lock);
}

void thread_kill(struct thread *thread, uint64_t code)
{
    thread_mark_killed(thread, code);
    this_cpu()->work |= CPU_WORK_PENDING; /* it may be the caller */
    /* Whoever waits needs no rendezvous: it will be switched to after this, and then looks. */
    if (!thread_cancel(thread)) {
        rendezvous_run(nothing, NULL);
        thread_cancel(thread);
    }
}

void thread_mark_stopped(struct thread *thread, unsigned reason)
{
    atomic_fetch_or_explicit(&thread->pending, (unsigned short)reason, memory_order_seq_cst);
}

void thread_stop(struct thread *thread, unsigned reason)
{
    thread_mark_stopped(thread, reason);
    this_cpu()->work |= CPU_WORK_PENDING; /* it may be the caller */
    rendezvous_run(nothing, NULL);
}

void thread_stay_suspended(struct thread *self)
{
    uint64_t ticket = thread_ticket(self, TRACE_THREAD_STATE_SUSPENDED, NULL);
    /* The bits are looked at after the ticket is visible, and thread_go_on() does it the other way
     * round: one of the two sees the other. */
    atomic_thread_fence(memory_order_seq_cst);
    unsigned pending = atomic_load_explicit(&self->pending, memory_order_seq_cst);
    if (!(pending & THREAD_PENDING_STOP) && thread_claim(self, ticket)) {
        self->run = THREAD_RUNNING;
    } else {
        status_t status = thread_wait(self, ticket, DEADLINE_FOREVER);
        (void)status; /* resumed or killed: the caller looks */
    }
    this_cpu()->work |= CPU_WORK_PENDING;
}

/* Who is stopped for another reason, too, comes, looks, and stays again. */
void thread_go_on(struct thread *thread, unsigned reason)
{
    atomic_fetch_and_explicit(&thread->pending, (unsigned short)~reason, memory_order_seq_cst);
    uint64_t ticket = atomic_load_explicit(&thread->ticket, memory_order_seq_cst);
    /* The kind of wait is read after its ticket: if the claim succeeds, both belong together. */
    if (ticket != 0 && *(volatile uint8_t *)&thread->wait == TRACE_THREAD_STATE_SUSPENDED &&
        thread_claim(thread, ticket)) {
        thread_ready(thread, OK, TRACE_WAKE_REASON_RESUMED);
    }
}

status_t thread_join(struct thread *thread, ns_t deadline, uint64_t *out_code)
{
    for (;;) {
        spinlock_acquire(&thread->exit.lock);
        if (thread->ended) {
            break;
        }
        status_t status =
            wait_queue_wait_locked(&thread->exit, deadline, TRACE_THREAD_STATE_JOIN, thread);
        if (status != OK) {
            return status;
        }
    }
    *out_code = thread->code;
    spinlock_release(&thread->exit.lock);
    return OK;
}

uint64_t thread_ticks(const struct thread *thread)
{
    int64_t ticks = *(const volatile int64_t *)&thread->ticks;
    return (uint64_t)(ticks < 0 ? ticks + (int64_t)cpu_tsc() : ticks);
}
