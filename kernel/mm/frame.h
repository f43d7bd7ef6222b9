/* SPDX-License-Identifier: MIT */
/* Physical memory: runs of 2^order frames of 4 KiB, order 0 to 18 (1 GiB). */
#pragma once

#include "base/types.h"

struct handoff;

#define FRAME_ORDER_MAX 18u
#define FRAME_BYTES     0x1000ull

/* Who owns a frame; kept per frame and counted. */
enum frame_owner {
    FRAME_FREE = 0,
    FRAME_RESERVED, /* in use since boot: firmware, ACPI, loader, boot image, page 0 */
    FRAME_KERNEL,   /* kernel image, frame table, per-core data */
    FRAME_HEAP,
    FRAME_PAGE_TABLE,
    FRAME_STACK,
    FRAME_USER,
    FRAME_TRACE,
    FRAME_PAGER, /* where a pager keeps pages of others */
    FRAME_OWNERS,
};

/* frame_init() - take over all usable memory of the handoff, which must stay where it is. Boot
 * core, once. Panics if there is no room for the frame table. */
void frame_init(const struct handoff *handoff);

/*
 * frame_alloc() - a run of 2^order frames, aligned to its size, contents undefined. Returns its
 * physical address, or 0: no memory. Context: any but NMI class; takes FRAMES unless the core's
 * cache has one. Cost: about 25 instructions from the core's cache (order 0).
 */
paddr_t frame_alloc(unsigned order, enum frame_owner owner) MUST_CHECK;
/* frame_free() - give a run back; order as allocated (VERIFYed, like freeing twice). */
void frame_free(paddr_t pa, unsigned order);

/* frame_alloc_zeroed() - one frame of zeros, 0: no memory. frame_free_zeroed() - give back one
 * that holds only zeros: the core keeps a few of them apart, so that tables that come and go are
 * not cleared each time. */
paddr_t frame_alloc_zeroed(enum frame_owner owner) MUST_CHECK;
void frame_free_zeroed(paddr_t pa);

/*
 * frame_alloc_run() - contiguous frames, any number up to 2^FRAME_ORDER_MAX; aligned to the next
 * power of two.
 *
 * @limit  the run ends at or below this address, for devices that reach no further; looks at each
 *         free run in turn then. FRAME_LIMIT_NONE: anywhere.
 *
 * Returns the physical address, 0: no memory (or a number out of range). frame_free_run() takes the
 * same number.
 */
#define FRAME_LIMIT_NONE (~0ull)
paddr_t frame_alloc_run(uint64_t frames, paddr_t limit, enum frame_owner owner) MUST_CHECK;
void frame_free_run(paddr_t pa, uint64_t frames);

/*
 * frame_split() - a run in use becomes 2^order runs of one frame, each with one reference.
 * frame_merge() - the reverse: false, and nothing changed, unless all frames are of the caller's
 * owner with one reference. Takes no lock: the caller has the frames. Cost: some instructions for
 * each frame.
 */
void frame_split(paddr_t pa, unsigned order);
bool frame_merge(paddr_t pa, unsigned order) MUST_CHECK;

/* Reference counts of runs, by their first frame, for what is mapped more than once. A new one has one; the last
 * put frees it, in the order it has then. frame_is_shared() - it has more than one. frame_get_if_shared() - one more, for
 * somebody who has none and saw the frame where another's is: false, and nothing changed, unless it has more than one by now. */
void frame_get(paddr_t pa);
void frame_put(paddr_t pa);
bool frame_is_shared(paddr_t pa);
bool frame_get_if_shared(paddr_t pa) MUST_CHECK;
/* frame_is_used() - a run of this order is in use at this address, with a reference. For checks. */
bool frame_is_used(paddr_t pa, unsigned order);

/*
 * frame_set_short_mark() - from when on memory is short: fewer free frames than this; 0: never. frame_is_short() - it was, at the
 * last trip of a core to a zone. Cost: one load.
 */
extern bool frame_short;
void frame_set_short_mark(uint64_t frames);
static inline bool frame_is_short(void)
{
    return UNLIKELY(*(volatile bool *)&frame_short);
}

uint64_t frame_count_free(void);              /* frames, exact when quiet */
uint64_t frame_count(enum frame_owner owner); /* frames */
paddr_t frame_limit(void);                    /* first address past the last RAM byte */
bool frame_is_ram(paddr_t pa); /* usable or in use RAM, not a hole: what kdebug may read */
