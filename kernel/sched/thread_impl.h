/* SPDX-License-Identifier: MIT */
/* What the files of sched/ share; kdebug may read it. */
#pragma once

#include "sched/run_queue.h"
#include "sched/thread.h"

/* sched_pick() - leave prev, which is blocked or dead, and run the best ready thread of this core. */
void sched_pick(struct thread *prev, enum trace_thread_state state);

/* thread_reap() - free the stack of a dead thread and drop the references it held. */
void thread_reap(struct thread *thread);

/* sched_push() - queue a ready thread on its home core, with an IPI if it should take that core over. */
void sched_push(struct thread *thread);

/* sched_relevel() - the level of a thread has changed: if it is queued, move it to its list. */
void sched_relevel(struct thread *thread);

/* sched_deadline_armed() - a deadline was put into this core's heap: the timer must fire by then. */
void sched_deadline_armed(ns_t when);

/* A hint, a bit per core: balance.c. */
extern atomic_uint sched_idle_cores;

/*
 * Which core, in balance.c. sched_place() - choose the home core of a thread that becomes ready:
 * its own if that is idle, else another idle one, else its own; one it may run on. Before the
 * wake-up is recorded and before sched_push(). For a thread that the caller has claimed or made.
 */
void sched_place_slow(struct thread *thread);
static inline void sched_place(struct thread *thread)
{
    uint32_t idle = atomic_load_explicit(&sched_idle_cores, memory_order_relaxed);
    bool stays = thread->cpu == cpu_id() && thread->affinity >> thread->cpu & 1;
    if (UNLIKELY(!stays || (idle & thread->affinity) != 0)) {
        sched_place_slow(thread);
    }
}

/* sched_choose() - a core for a new thread: an idle one, else the one with the least to do. */
unsigned sched_choose(uint32_t affinity);

/* sched_mark_idle() - this core has nothing to run / something again. Own core. */
void sched_mark_idle(unsigned cpu, bool idle);

/* sched_steal() - a thread of another core for this idle one, now ours; NULL: none may move. */
struct thread *sched_steal(unsigned cpu, tsc_t now);

/* sched_elsewhere() - the core where the running thread, which must make room, should wait: an idle
 * one, one with two threads fewer than its own, or its own if it may stay. */
unsigned sched_elsewhere(const struct thread *thread);

/* sched_offer() - threads wait here while the running one goes on: wake an idle core to steal one. */
void sched_offer(const struct run_queue *queue);

/* thread_special_init() - at boot. thread_special_free() - give back what a dead thread kept. */
void thread_special_init(void);
void thread_special_free(struct thread *thread);
