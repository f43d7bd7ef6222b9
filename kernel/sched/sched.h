/* SPDX-License-Identifier: MIT */
/* The scheduler as others see it: start, timer, reschedule IPI, idle. Threads are in thread.h. */
#pragma once

#include "base/types.h"

/* sched_run() - become the idle thread of this core and run what is ready, for ever. */
NORETURN void sched_run(void);
/* sched_wait_idle() - be the idle thread of this core until a time has passed. */
void sched_wait_idle(ns_t until);
/* sched_timer() - the timer interrupt: due deadlines, end of the slice. Leaves a note in cpu->work, does not switch. */
void sched_timer(void);
/* sched_reschedule() - the reschedule IPI: user_return_work(), a preempt point or the idle loop is to look. */
void sched_reschedule(void);
