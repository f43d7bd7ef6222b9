/* SPDX-License-Identifier: MIT */
/*
 * What must wait for the running kernel (kdebug.h).
 *
 * Switching trace categories patches text under a lock in a rendezvous of all cores; at the
 * prompt all of them stand still and somebody may hold that lock. Nothing is recorded by a
 * stopped machine anyway, so the wish is kept and the master raises VECTOR_CONSOLE on leaving,
 * whose handler runs where no lock is held.
 */
#include "kdebug/core/deferred.h"

#include "base/log.h"
#include "kdebug/core/kdebug.h"
#include "trace/ring/ring.h"

static atomic_bool wanted;
static uint64_t categories;

void kd_deferred_categories(uint64_t mask)
{
    categories = mask;
    atomic_store_explicit(&wanted, true, memory_order_release);
}

bool kd_deferred_wanted(uint64_t *out_mask)
{
    if (!atomic_load_explicit(&wanted, memory_order_acquire)) {
        return false;
    }
    *out_mask = categories;
    return true;
}

void kdebug_deferred(void)
{
    if (!atomic_load_explicit(&wanted, memory_order_relaxed) ||
        !atomic_exchange_explicit(&wanted, false, memory_order_acq_rel)) {
        return;
    }
    status_t status = trace_categories_set(categories);
    if (status != OK) {
        log_warning("kdebug: trace categories %llx could not be set: %s",
                    (unsigned long long)categories, status_name(status));
    }
}
