/* SPDX-License-Identifier: MIT */
/* The lists and the bitmap of a core's ready threads. Policy is in sched.c and balance.c. */
#include "sched/run_queue.h"

#include "arch/clock.h"
#include "base/assert.h"

/* How many threads a thief looks at: pinned ones at the front must not cost it a walk. */
#define STEAL_LOOKS 8u

struct run_queue run_queues[CPU_MAX];
tsc_t level_slice_ticks[LEVEL_COUNT];
static tsc_t aging_ticks, steal_wait_ticks;

static tsc_t ticks_of(ns_t ns)
{
    return clock_tsc_khz() * (ns / 1000) / 1000;
}

void run_queue_init(void)
{
    aging_ticks = ticks_of(AGING_NS);
    steal_wait_ticks = ticks_of(STEAL_WAIT_NS);
    for (unsigned level = 0; level < LEVEL_COUNT; level++) {
        level_slice_ticks[level] = ticks_of(level_slice_ns(level));
    }
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        struct run_queue *queue = &run_queues[cpu];
        cpus[cpu].run_queue = queue;
        spinlock_init(&queue->lock, "run queue", LOCK_RANK_RUN_QUEUE);
        spinlock_init(&queue->timer_lock, "deadlines", LOCK_RANK_TIMER);
        for (unsigned level = 0; level < LEVEL_COUNT; level++) {
            list_init(&queue->level[level]);
        }
        atomic_store_explicit(&queue->running, -1, memory_order_relaxed);
        queue->timer_at = TIMER_NEVER;
    }
}

/* The first of a list waits longest but for one whose slice was cut short, which is soon through. */
static struct thread *find_oldest_locked(struct run_queue *queue)
{
    struct thread *oldest = NULL;
    uint32_t below_top = queue->levels & ((1u << LEVEL_FEEDBACK_TOP) - 1);
    for (uint32_t levels = below_top; levels != 0; levels &= levels - 1) {
        struct list *level = &queue->level[__builtin_ctz(levels)];
        struct thread *first = LIST_FIRST(level, struct thread, run_link);
        if (oldest == NULL || first->ready_since < oldest->ready_since) {
            oldest = first;
        }
    }
    return oldest;
}

bool run_queue_age_now_locked(struct run_queue *queue, tsc_t now)
{
    queue->aging_at = now + aging_ticks;
    struct thread *oldest = find_oldest_locked(queue);
    if (oldest == NULL || now < oldest->ready_since + aging_ticks) {
        return false;
    }
    run_queue_remove_locked(queue, oldest);
    run_queue_add_locked(queue, oldest, LEVEL_FEEDBACK_TOP, false, now);
    queue->aged++;
    return true;
}

static bool may_steal(const struct thread *thread, unsigned cpu, tsc_t now)
{
    return thread->affinity >> cpu & 1 && now >= thread->ready_since + steal_wait_ticks &&
           /* T2; pairs with the release in thread_switch_finish(). */
           atomic_load_explicit(&thread->on_cpu, memory_order_acquire) == 0;
}

struct thread *run_queue_steal_locked(struct run_queue *queue, unsigned cpu, tsc_t now)
{
    unsigned looks = 0;
    for (uint32_t levels = queue->levels; levels != 0;) {
        unsigned level = 31 - (unsigned)__builtin_clz(levels);
        levels &= ~(1u << level);
        list_for_each (node, &queue->level[level]) {
            struct thread *thread = LIST_ENTRY(node, struct thread, run_link);
            if (may_steal(thread, cpu, now)) {
                run_queue_remove_locked(queue, thread);
                return thread;
            }
            if (++looks == STEAL_LOOKS) {
                return NULL;
            }
        }
    }
    return NULL;
}
