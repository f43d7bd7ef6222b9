/* SPDX-License-Identifier: MIT */
/* Accounts; the theory is in quota.h. */
#include "object/quota.h"

#include "arch/cpu.h"
#include "base/assert.h"
#include "gen/trace_emit.h"
#include "mm/heap.h"

struct quota quota_root = {
    .refs = 1,
    .item = {[QUOTA_HANDLES] = {.limit = QUOTA_NO_LIMIT},
             [QUOTA_THREADS] = {.limit = QUOTA_NO_LIMIT},
             [QUOTA_MEMORY] = {.limit = QUOTA_NO_LIMIT},
             [QUOTA_PINS] = {.limit = QUOTA_NO_LIMIT}},
};

status_t quota_charge(struct quota *quota, enum quota_kind kind, uint64_t amount)
{
    if (quota == NULL) {
        return OK;
    }
    _Atomic uint64_t *used = &quota->item[kind].used;
    uint64_t limit = quota->item[kind].limit;
    uint64_t before = atomic_load_explicit(used, memory_order_relaxed);
    do {
        if (amount > limit - before) {
            trace_life_quota_refused((uint8_t)kind, before, limit, amount);
            return ERR_QUOTA;
        }
    } while (!atomic_compare_exchange_weak_explicit(used, &before, before + amount,
                                                    memory_order_relaxed, memory_order_relaxed));
    return OK;
}

void quota_return(struct quota *quota, enum quota_kind kind, uint64_t amount)
{
    if (quota != NULL) {
        uint64_t before =
            atomic_fetch_sub_explicit(&quota->item[kind].used, amount, memory_order_relaxed);
        ASSERT(before >= amount); /* Q2 */
        (void)before;
    }
}

status_t quota_create(struct quota *parent, const uint64_t limit[QUOTA_KINDS], struct quota **out)
{
    struct quota *quota = heap_alloc(sizeof(*quota));
    if (quota == NULL) {
        return ERR_NO_MEMORY;
    }
    for (unsigned kind = 0; kind < QUOTA_KINDS; kind++) {
        status_t status = quota_charge(parent, (enum quota_kind)kind, limit[kind]);
        if (status != OK) {
            while (kind-- > 0) {
                quota_return(parent, (enum quota_kind)kind, limit[kind]);
            }
            heap_free(quota);
            return status;
        }
        quota->item[kind].limit = limit[kind];
    }
    atomic_store_explicit(&quota->refs, 1, memory_order_relaxed);
    quota->parent = quota_get(parent);
    *out = quota;
    return OK;
}

struct quota *quota_get(struct quota *quota)
{
    if (quota != NULL) {
        atomic_fetch_add_explicit(&quota->refs, 1, memory_order_relaxed);
    }
    return quota;
}

/* Q2 is the leak check of a process that had an account of its own: all it ever took has come back. */
static void close_account(struct quota *quota)
{
    for (unsigned kind = 0; kind < QUOTA_KINDS; kind++) {
        ASSERT(atomic_load_explicit(&quota->item[kind].used, memory_order_relaxed) == 0);
        quota_return(quota->parent, (enum quota_kind)kind, quota->item[kind].limit);
    }
    struct quota *parent = quota->parent;
    heap_free(quota);
    quota_put(parent);
}

void quota_put(struct quota *quota)
{
    /* Pairs with itself: who closes sees what all others returned. */
    if (quota != NULL && atomic_fetch_sub_explicit(&quota->refs, 1, memory_order_acq_rel) == 1) {
        close_account(quota);
    }
}
