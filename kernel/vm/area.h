/* SPDX-License-Identifier: MIT */
/* Areas: what can be mapped. */
#pragma once

#include "base/types.h"
#include "object/object.h"
#include "object/quota.h"

enum area_kind {
    AREA_ANONYMOUS, /* zeroed on first touch; shared by all who map the same area */
    AREA_RUN,       /* contiguous, allocated and zeroed at creation, owned */
    AREA_PHYSICAL,  /* given physical memory, not owned: MMIO, boot image, trace rings */
};

struct area; /* starts with struct object */

/* How the CPU accesses given physical memory. */
enum area_cache {
    AREA_CACHE_WRITE_BACK,      /* RAM */
    AREA_CACHE_UNCACHED,        /* device registers */
    AREA_CACHE_WRITE_COMBINING, /* frame buffers */
};

/* area_init() - once, after heap_init(). Areas are in a cache of their own: H1 of object/handle.h. */
void area_init(void);

/*
 * All return OK or ERR_NO_MEMORY, ERR_RANGE (bytes 0 or not page aligned, more than there can be).
 * The area has one reference.
 *
 * @flags  of kernel/abi/memory.h. AREA_RING: twice the bytes can be mapped, the second half shows
 *         the first again, so that what wraps around is contiguous. AREA_BELOW_4G, AREA_HUGE: of
 *         runs.
 */
status_t area_create_anonymous(uint64_t bytes, unsigned flags, struct area **out) MUST_CHECK;
/* area_create_run() - at most 1 GiB; AREA_HUGE: 1 GiB. May take long (zeroing): preempt_point(). */
status_t area_create_run(uint64_t bytes, unsigned flags, struct area **out) MUST_CHECK;
/* @writable false: can only be mapped without PROT_WRITE. */
status_t area_create_physical(paddr_t base, uint64_t bytes, bool writable, enum area_cache cache,
                              struct area **out) MUST_CHECK;

/* area_set_payer() - the account that its creator has charged QUOTA_MEMORY for all its pages; area_resize() charges it too, area_destroy() returns that. */
void area_set_payer(struct area *area, struct quota *quota);

/*
 * area_clone() - a new area with the contents that [offset, offset + bytes) of another has now;
 * pages are copied when one of the two is written to.
 *
 * Of anonymous areas and of physical memory that is not writable. OK; ERR_RANGE; ERR_NO_MEMORY;
 * ERR_NOT_SUPPORTED another kind, or a ring; ERR_CORRUPT a page of it is lost (pager.h). Threads that write to the area meanwhile may be held
 * up for a moment; what they write may or may not be in the clone. May take long.
 */
status_t area_clone(struct area *area, uint64_t offset, uint64_t bytes,
                    struct area **out) MUST_CHECK;

/*
 * area_resize() - another length for an anonymous area. What is cut off loses its pages; mappings
 * stay, and accesses past the end fail. OK; ERR_RANGE; ERR_QUOTA; ERR_NO_MEMORY (area_bytes() says what is
 * left); ERR_NOT_SUPPORTED another kind, a ring, or a clone of physical memory. May take long.
 */
status_t area_resize(struct area *area, uint64_t bytes) MUST_CHECK;

uint64_t area_bytes(const struct area *area);
/* area_physical() - address of the first frame of a run or physical area; 0 for anonymous ones. */
paddr_t area_physical(const struct area *area);
/* area_destroy() - called by object_put() with the last reference. Frees what it owns. May take
 * long: preempt_point(). */
void area_destroy(struct object *object);
