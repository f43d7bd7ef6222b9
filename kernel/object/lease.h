/* SPDX-License-Identifier: MIT */
/*
 * Leases: taking back what was given.
 *
 * A handle can be given under a lease. Every handle derived from it, in whatever process, is under the same lease, and when
 * that ends all of them are refused with ERR_REVOKED from their next use on. Nobody keeps a list of them: a look-up asks the
 * lease. A handle under a lease can be given under a further one, whose parent is the first:
 *
 *      handle ── lease 1 ──► handle ──► duplicate          lease 1 ends: all but the first are dead
 *                               └─ lease 2 ──► handle      lease 2 ends: only the last is
 *
 * L1  live -> ended happens once and is never undone. A lease is live while it and all its parents are.
 * L2  Leases live in type-stable memory: a look-up follows an entry's pointer without a lock or reference, and looks at the
 *     entry again afterwards (H1 of handle.h).
 * L3  A chain of parents has at most LEASE_DEPTH_MAX members, so a look-up is bounded.
 *
 * What a lease does not do: a call that has passed its look-up goes on, a mapping stays until it is unmapped, and a thread
 * that waits for messages waits on. A revoked handle stays open, and counts, until its owner closes it.
 */
#pragma once

#include "object/object.h"

#define LEASE_DEPTH_MAX 8u

struct lease {
    struct object object;
    struct lease *parent; /* (c) with a reference; NULL: none */
    uint32_t depth;       /* (c) members of the chain, this one included */
    atomic_bool ended;    /* (a) L1 */
};

void lease_init(void);
/* lease_create() - one reference for the caller. ERR_NO_MEMORY; ERR_RANGE: the chain would be too long. */
status_t lease_create(struct lease *parent, struct lease **out) MUST_CHECK;
/* lease_end() - look-ups that begin after it has returned are refused. Cannot fail; again is harmless. */
void lease_end(struct lease *lease);
void lease_destroy(struct object *object);

/* lease_is_live() - L1; NULL counts as live. Takes no lock. */
bool lease_is_live(const struct lease *lease);

static inline void lease_get(struct lease *lease)
{
    if (lease != NULL) {
        object_get(&lease->object);
    }
}

static inline void lease_put(struct lease *lease)
{
    if (lease != NULL) {
        object_put(&lease->object);
    }
}
