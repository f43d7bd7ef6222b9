/* SPDX-License-Identifier: MIT */
/* Areas: what can be mapped. */
#pragma once

#include "base/types.h"
#include "object/object.h"

enum area_kind {
    AREA_ANONYMOUS, /* zeroed on first touch; shared by all who map the same area */
    AREA_RUN,       /* contiguous, allocated and zeroed at creation, owned */
    AREA_PHYSICAL,  /* given physical memory, not owned: MMIO, boot image, trace rings */
};

struct area; /* starts with struct object */

/* All return OK or ERR_NO_MEMORY, ERR_RANGE (bytes 0 or not page aligned, more than there can
 * be). The area has one reference. */
status_t area_create_anonymous(uint64_t bytes, struct area **out) MUST_CHECK;
/* area_create_run() - at most 1 GiB. May take long (zeroing): preempt_point(). */
status_t area_create_run(uint64_t bytes, struct area **out) MUST_CHECK;
/* @writable false: can only be mapped without PROT_WRITE. @device uncached. */
status_t area_create_physical(paddr_t base, uint64_t bytes, bool writable, bool device,
                              struct area **out) MUST_CHECK;

uint64_t area_bytes(const struct area *area);
/* area_physical() - address of the first frame of a run or physical area; 0 for anonymous ones. */
paddr_t area_physical(const struct area *area);
/* area_destroy() - called by object_put() with the last reference. Frees what it owns. May take
 * long: preempt_point(). */
void area_destroy(struct object *object);
