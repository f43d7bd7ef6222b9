/* SPDX-License-Identifier: MIT */
/* Leases; the theory is in lease.h. */
#include "object/lease.h"

#include "mm/heap.h"

static struct cache *lease_cache;

void lease_init(void)
{
    lease_cache = cache_create("lease", sizeof(struct lease));
}

status_t lease_create(struct lease *parent, struct lease **out)
{
    uint32_t depth = parent == NULL ? 1 : parent->depth + 1;
    if (depth > LEASE_DEPTH_MAX) {
        return ERR_RANGE;
    }
    struct lease *lease = cache_alloc(lease_cache);
    if (lease == NULL) {
        return ERR_NO_MEMORY;
    }
    lease_get(parent);
    lease->parent = parent;
    lease->depth = depth;
    atomic_store_explicit(&lease->ended, false, memory_order_relaxed);
    object_init(&lease->object, OBJECT_LEASE);
    *out = lease;
    return OK;
}

void lease_end(struct lease *lease)
{
    /* Pairs with the acquire in lease_is_live(). */
    atomic_store_explicit(&lease->ended, true, memory_order_release);
}

void lease_destroy(struct object *object)
{
    struct lease *lease = CONTAINER_OF(object, struct lease, object);
    struct lease *parent = lease->parent;
    cache_free(lease_cache, lease);
    lease_put(parent);
}

/* The bound is for a reader that follows a lease which is used anew meanwhile (L2): it gets some answer and will not use it. */
bool lease_is_live(const struct lease *lease)
{
    for (unsigned depth = 0; lease != NULL && depth < LEASE_DEPTH_MAX; depth++) {
        if (atomic_load_explicit(&lease->ended, memory_order_acquire)) {
            return false;
        }
        lease = lease->parent;
    }
    return true;
}
