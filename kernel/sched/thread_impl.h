/* SPDX-License-Identifier: MIT */
/* What the files of sched/ share; kdebug may read it. */
#pragma once

#include "sched/thread.h"

/* sched_pick() - leave prev, which is blocked, dead, idle or queued already, and run the best ready thread of this core. */
void sched_pick(struct thread *prev, enum trace_thread_state state);

/* sched_push() - queue a ready thread on its home core, with an IPI if it should take that core over. */
void sched_push(struct thread *thread);

/* sched_deadline_armed() - a deadline was put into this core's heap: the timer must fire by then. */
void sched_deadline_armed(ns_t when);

/* thread_switch() - the one place where a core changes threads. thread_switch_finish() is its second half, on the new stack;
 * a new thread calls it first. */
void thread_switch(struct thread *prev, struct thread *next, enum trace_thread_state state,
                   enum trace_switch_reason reason);
void thread_switch_finish(void);

/* thread_reap() - free the stack of a dead thread and drop the reference it held on itself. */
void thread_reap(struct thread *thread);
