/* SPDX-License-Identifier: MIT */
/* Per-core queues of ready threads, the deadlines, and the idle loop. */
#pragma once

#include "base/list.h"
#include "sched/thread.h"
#include "sync/spinlock.h"

/* (q) lock */
struct run_queue {
    struct spinlock lock;
    uint32_t levels;                      /* (q) bit n: level n has threads */
    uint32_t ready;                       /* (q) how many */
    struct list level[THREAD_PRIORITIES]; /* (q) */
    _Atomic int32_t running; /* (a) priority of what runs, -1 idle: a hint for wakers */
    ns_t slice_end;          /* (o) */
    ns_t timer_at;           /* (o) what the timer is armed for, DEADLINE_FOREVER nothing */
    uint64_t switches;       /* (o) */
    tsc_t last_sync;         /* (o) when a trace.sync was written last */
    struct spinlock timer_lock;
    struct deadline *deadlines; /* (timer_lock) root of the pairing heap */
};

extern struct run_queue run_queues[CPU_MAX];

void run_queue_init(void);
/* sched_run() - become the idle thread of this core and run what is ready, for ever. */
NORETURN void sched_run(void);
/* sched_wait_idle() - be the idle thread of this core until a time has passed. */
void sched_wait_idle(ns_t until);
/* sched_timer() - the timer interrupt: due deadlines, end of the slice. Leaves a note in cpu->work, does not switch. */
void sched_timer(void);
/* sched_reschedule() - the reschedule IPI: user_return_work(), a preempt point or the idle loop is to look. */
void sched_reschedule(void);

/* deadline_arm() / deadline_disarm() - in the heap of this core / wherever it is. Take TIMER. */
void deadline_arm(struct thread *thread, uint64_t ticket, ns_t when);
void deadline_disarm(struct thread *thread);
/* deadline_take_due() - the thread of the earliest due entry and its ticket, taken out; NULL: none. */
struct thread *deadline_take_due(struct run_queue *queue, ns_t now, uint64_t *out_ticket);
ns_t deadline_first(struct run_queue *queue);
