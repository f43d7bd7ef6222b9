/* SPDX-License-Identifier: MIT */
/*
 * Waiting for finished sub-buffers: what lets a trace consumer sleep until there is something to ship.
 *
 * Cores finish sub-buffers at any time and must not meet at a lock because of that.
 *
 * F1  Who is going to wait sets is_awaited and looks at the counters after that; who has counted a sub-buffer
 *     looks at is_awaited after that, with a full barrier between on both sides. So one of them sees the other.
 * F2  Of several who look, one takes is_awaited and with it the lock and the duty to wake.
 */
#include "sched/trace_wait.h"

#include "base/hooks.h"
#include "trace/ring/ring.h"

static struct wait_queue finished = {
    .lock = SPINLOCK_INIT("trace wait", LOCK_RANK_WAIT),
    .waiters = LIST_INIT(finished.waiters),
};

static atomic_bool is_awaited;

void trace_notify(void)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (!atomic_load_explicit(&is_awaited, memory_order_relaxed) ||
        !atomic_exchange(&is_awaited, false)) {
        return;
    }
    spinlock_acquire(&finished.lock);
    wait_queue_wake_all_locked(&finished, TRACE_WAKE_REASON_TRACE);
    spinlock_release(&finished.lock);
}

status_t trace_wait(uint64_t seen, ns_t deadline, uint64_t *out_finished)
{
    for (;;) {
        spinlock_acquire(&finished.lock);
        (void)atomic_exchange(&is_awaited, true);
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
