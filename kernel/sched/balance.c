/* SPDX-License-Identifier: MIT */
/*
 * Which core a thread runs on.
 *
 * Work meets an idle core in one of three ways, none of which looks at a lock that others need:
 * a thread that becomes ready goes straight to an idle core if its own is busy (sched_place); a
 * core that runs out of work takes a waiting thread from another (sched_steal); and a core that
 * has threads waiting at the end of a slice sends one of them away, or wakes an idle core to come
 * and take one (sched_elsewhere, sched_offer). So a thread does not wait for longer than a slice
 * while a core that it may use is idle.
 *
 * sched_idle_cores is a hint, a bit per core. A core sets its bit before it looks for work elsewhere, and
 * who pushes work reads it after: at worst two cores go for the same thread and one goes back to
 * sleep. Whoever sends work clears the bit, so that the next sender finds another core.
 *
 * Rejected: a global queue (one lock for all), and half of the difference at once (jsix): threads
 * would move in crowds.
 */
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "gen/trace_emit.h"
#include "sched/switch.h"
#include "sched/thread_impl.h"

atomic_uint sched_idle_cores;

void sched_mark_idle(unsigned cpu, bool idle)
{
    if (idle) {
        atomic_fetch_or_explicit(&sched_idle_cores, 1u << cpu, memory_order_seq_cst);
    } else {
        atomic_fetch_and_explicit(&sched_idle_cores, ~(1u << cpu), memory_order_relaxed);
    }
}

static uint32_t cores_mask(void)
{
    return (uint32_t)((1ull << cpu_count()) - 1);
}

/* Take an idle core out of those allowed; -1 none. */
static int reserve_idle(uint32_t allowed)
{
    uint32_t idle = atomic_load_explicit(&sched_idle_cores, memory_order_relaxed) & allowed;
    if (idle == 0) {
        return -1;
    }
    unsigned cpu = (unsigned)__builtin_ctz(idle);
    uint32_t before =
        atomic_fetch_and_explicit(&sched_idle_cores, ~(1u << cpu), memory_order_relaxed);
    return before >> cpu & 1 ? (int)cpu : -1;
}

/* Threads that run or wait on a core. A hint. */
static unsigned load_of(unsigned cpu)
{
    const struct run_queue *queue = &run_queues[cpu];
    bool busy = atomic_load_explicit(&queue->running, memory_order_relaxed) >= 0;
    return *(const volatile uint32_t *)&queue->ready + busy;
}

static unsigned find_lightest(uint32_t allowed, unsigned otherwise)
{
    unsigned best = otherwise, least = UINT32_MAX;
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        if (allowed >> cpu & 1 && load_of(cpu) < least) {
            least = load_of(cpu);
            best = cpu;
        }
    }
    return best;
}

unsigned sched_choose(uint32_t affinity)
{
    int idle = reserve_idle(affinity);
    return idle >= 0 ? (unsigned)idle : find_lightest(affinity, cpu_id());
}

void sched_place_slow(struct thread *thread)
{
    bool allowed = thread->affinity >> thread->cpu & 1;
    bool busy = atomic_load_explicit(&run_queues[thread->cpu].running, memory_order_relaxed) >= 0;
    if ((allowed && !busy) || !thread_has_left(thread)) {
        return;
    }
    if (!allowed) {
        thread->cpu = (uint16_t)sched_choose(thread->affinity);
        return;
    }
    int idle = reserve_idle(thread->affinity);
    if (idle >= 0) {
        thread->cpu = (uint16_t)idle;
    }
}

struct thread *sched_steal(unsigned cpu, tsc_t now)
{
    for (unsigned i = 1; i < cpu_count(); i++) {
        struct run_queue *victim = &run_queues[(cpu + i) % cpu_count()];
        if (*(volatile uint32_t *)&victim->ready == 0 || !spinlock_try(&victim->lock)) {
            continue;
        }
        struct thread *thread = run_queue_steal_locked(victim, cpu, now);
        spinlock_release(&victim->lock);
        if (thread != NULL) {
            trace_sched_thread_steal((uint8_t)thread->cpu, thread->tid);
            thread->cpu = (uint16_t)cpu;
            run_queues[cpu].stolen++;
            return thread;
        }
    }
    return NULL;
}

unsigned sched_elsewhere(const struct thread *thread)
{
    unsigned own = cpu_id();
    uint32_t others = thread->affinity & cores_mask() & ~(1u << own);
    if (others == 0) {
        return own;
    }
    int idle = reserve_idle(others);
    if (idle >= 0) {
        return (unsigned)idle;
    }
    unsigned lightest = find_lightest(others, own);
    bool may_stay = thread->affinity >> own & 1;
    return !may_stay || load_of(lightest) + 2 <= load_of(own) ? lightest : own;
}

void sched_offer(const struct run_queue *queue)
{
    if (*(const volatile uint32_t *)&queue->ready == 0) {
        return;
    }
    int idle = reserve_idle(~(1u << cpu_id()));
    if (idle >= 0) {
        trace_irq_ipi(TRACE_IPI_KIND_RESCHEDULE, (uint8_t)idle);
        ipi_send((unsigned)idle, VECTOR_RESCHEDULE);
    }
}
