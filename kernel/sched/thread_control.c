/* SPDX-License-Identifier: MIT */
/* What others may change of a thread while it lives: priority and affinity. */
#include "arch/cpu.h"
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

uint64_t thread_ticks(const struct thread *thread)
{
    int64_t ticks = *(const volatile int64_t *)&thread->ticks;
    return (uint64_t)(ticks < 0 ? ticks + (int64_t)cpu_tsc() : ticks);
}
