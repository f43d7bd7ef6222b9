/* SPDX-License-Identifier: MIT */
/* Waiting for finished sub-buffers: what lets a trace consumer sleep until there is something to ship. */
#include "sched/trace_wait.h"

#include "base/hooks.h"
#include "trace/ring/ring.h"

static struct wait_queue finished = {
    .lock = SPINLOCK_INIT("trace wait", LOCK_RANK_WAIT),
    .waiters = LIST_INIT(finished.waiters),
};

void trace_notify(void)
{
    spinlock_acquire(&finished.lock);
    wait_queue_wake_all_locked(&finished, TRACE_WAKE_REASON_TRACE);
    spinlock_release(&finished.lock);
}

status_t trace_wait(uint64_t seen, ns_t deadline, uint64_t *out_finished)
{
    for (;;) {
        spinlock_acquire(&finished.lock);
        *out_finished = trace_finished_total();
        if (*out_finished > seen) {
            break;
        }
        status_t status =
            wait_queue_wait_locked(&finished, deadline, TRACE_THREAD_STATE_TRACE, NULL);
        if (status != OK) {
            return status;
        }
    }
    spinlock_release(&finished.lock);
    return OK;
}
