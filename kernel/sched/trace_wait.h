/* SPDX-License-Identifier: MIT */
/* Waiting for finished sub-buffers of the trace. */
#pragma once

#include "sched/wait_queue.h"

/*
 * trace_wait() - wait until more than `seen` sub-buffers have been finished since start, over all lanes.
 * OK with the number now in *out_finished (written on errors too), ERR_TIMED_OUT, ERR_CANCELLED. Context: thread, no lock held.
 */
status_t trace_wait(uint64_t seen, ns_t deadline, uint64_t *out_finished) MUST_CHECK;
