/* SPDX-License-Identifier: MIT */
/*
 * A core's ready threads: one list per level and a bitmap of levels that are not empty, so adding,
 * taking out and finding the best are O(1).
 *
 * A1  Aging. At the end of each slice, but at most once every AGING_NS, the feedback thread that
 *     has waited longest is moved to LEVEL_FEEDBACK_TOP for one slice, if it has waited for
 *     AGING_NS. So while real-time threads leave the core alone, none of n ready threads waits
 *     longer than (n + 1) * (AGING_NS + two slices).
 */
#pragma once

#include "base/assert.h"
#include "base/list.h"
#include "sched/feedback.h"
#include "sched/thread.h"
#include "sync/spinlock.h"

#define AGING_NS 100000000ull

/* A thread that has waited for less than this is not stolen: it has run only just now, or its own
 * core is about to take it. */
#define STEAL_WAIT_NS 50000ull

/* (q) lock  (o) the core itself  (a) atomic */
struct run_queue {
    struct spinlock lock;
    uint32_t levels;                /* (q) bit n: level n has threads */
    uint32_t ready;                 /* (q) how many; thieves peek */
    struct list level[LEVEL_COUNT]; /* (q) oldest first */
    _Atomic int32_t
        running;         /* (a) level of what runs or has been sent to run, -1 idle: for wakers */
    bool idle;           /* (o) nothing to run, as last announced */
    uint8_t slice_level; /* (o) of whom the slice was given to; goes along when it is lent */
    tsc_t slice_end;     /* (o) */
    tsc_t aging_at;      /* (o) no aging before */
    tsc_t timer_at;      /* (o) what the timer is armed for, TIMER_NEVER nothing */
    tsc_t last_sync;     /* (o) when a trace.sync was written last */
    struct spinlock timer_lock;
    struct deadline *deadlines; /* (timer_lock) root of the pairing heap */
    /* Statistics for kdebug. */
    uint64_t switches; /* (o) picks, without direct hand-overs */
    uint64_t stolen;   /* (o) threads taken from other cores */
    uint64_t given;    /* (o) threads sent to another core when their slice was over */
    uint64_t aged;     /* (o) threads lifted by A1 */
    uint64_t kicks;    /* (q) reschedule interrupts sent to this core */
};

extern struct run_queue run_queues[CPU_MAX];

#define TIMER_NEVER (~(tsc_t)0)

/* level_slice_ns() in ticks of the TSC, in which slices and waits are counted: cheap to read. */
extern tsc_t level_slice_ticks[LEVEL_COUNT];

/* run_queue_init() - boot core, after clock_init(). */
void run_queue_init(void);

/* run_queue_best() - the highest level that has threads, -1 none. Without the lock a hint. */
static inline int run_queue_best(const struct run_queue *queue)
{
    uint32_t levels = *(const volatile uint32_t *)&queue->levels;
    return levels == 0 ? -1 : 31 - __builtin_clz(levels);
}

/* run_queue_add_locked() - queue a thread at a level, last of its equals, or first if its slice was cut short. */
static inline void run_queue_add_locked(struct run_queue *queue, struct thread *thread,
                                        unsigned level, bool first, tsc_t now)
{
    ASSERT(list_is_empty(&thread->run_link)); /* T3 */
    thread->queued = (uint8_t)level;
    thread->ready_since = now;
    if (first) {
        list_push_front(&queue->level[level], &thread->run_link);
    } else {
        list_push_back(&queue->level[level], &thread->run_link);
    }
    queue->levels |= 1u << level;
    queue->ready++;
}

static inline void run_queue_remove_from_locked(struct run_queue *queue, struct thread *thread,
                                                unsigned level)
{
    list_remove(&thread->run_link);
    if (list_is_empty(&queue->level[level])) {
        queue->levels &= ~(1u << level);
    }
    queue->ready--;
}

/* run_queue_remove_locked() - take a queued thread out. */
static inline void run_queue_remove_locked(struct run_queue *queue, struct thread *thread)
{
    run_queue_remove_from_locked(queue, thread, thread->queued);
}

/* run_queue_take_locked() - the best thread, out of the queue; NULL: nobody is ready. */
static inline struct thread *run_queue_take_locked(struct run_queue *queue)
{
    int best = run_queue_best(queue);
    if (best < 0) {
        return NULL;
    }
    struct thread *thread = LIST_FIRST(&queue->level[best], struct thread, run_link);
    ASSERT(thread->run == THREAD_READY && thread->queued == best);
    run_queue_remove_from_locked(queue, thread, (unsigned)best);
    return thread;
}

/* run_queue_age_locked() - A1, if it is time; true if a thread was lifted. */
bool run_queue_age_now_locked(struct run_queue *queue, tsc_t now);
static inline bool run_queue_age_locked(struct run_queue *queue, tsc_t now)
{
    return UNLIKELY(now >= queue->aging_at) && run_queue_age_now_locked(queue, now);
}

/*
 * run_queue_steal_locked() - the best thread that may leave for core `cpu`: affinity allows it, it
 * has left its core (T2) and has waited for STEAL_WAIT_NS. Out of the queue, or NULL. Looks at a
 * few threads only.
 */
struct thread *run_queue_steal_locked(struct run_queue *queue, unsigned cpu, tsc_t now);

/* deadline_arm() / deadline_disarm() - in the heap of this core / wherever it is. Take TIMER. */
void deadline_arm(struct thread *thread, uint64_t ticket, ns_t when);
void deadline_disarm(struct thread *thread);
/* deadline_take_due() - the thread of the earliest due entry and its ticket, taken out; NULL: none. */
struct thread *deadline_take_due(struct run_queue *queue, ns_t now, uint64_t *out_ticket);
ns_t deadline_first(struct run_queue *queue);
