/* SPDX-License-Identifier: MIT */
/* User and kernel time of a thread of the target. */
#pragma once

#include "sched/thread.h"

/* kd_thread_times() - false: its time is not counted, or it runs and this target's clock is not to be had. */
bool kd_thread_times(vaddr_t address, const struct thread *thread, struct thread_times *out);
