/* SPDX-License-Identifier: MIT */
/* What the files of sched/ share; kdebug may read it. */
#pragma once

#include "sched/thread.h"

/* sched_pick() - leave prev, which is blocked, dead, idle or queued already, and run the best ready thread of this core. */
void sched_pick(struct thread *prev, enum trace_thread_state state);

/* sched_place() - choose the home core of a thread that becomes ready: its own, or an idle one if that is busy. Before the wake-up
 * is recorded and before sched_push(). For a thread that the caller has claimed or made. */
void sched_place(struct thread *thread);

/* sched_push() - queue a ready thread on its home core, with an IPI if it should take that core over. */
void sched_push(struct thread *thread);

/* thread_special_init() - at boot. thread_special_free() - give back what a dead thread kept. */
void thread_special_init(void);
void thread_special_free(struct thread *thread);

/* sched_deadline_armed() - a deadline was put into this core's heap: the timer must fire by then. */
void sched_deadline_armed(ns_t when);
