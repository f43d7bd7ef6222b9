/* SPDX-License-Identifier: MIT */
/* Inside of the frame allocator, for mm/ and kdebug's `mem`, `frame` and `check mm`. Theory and
 * invariants: frame.c. */
#pragma once

#include "base/list.h"
#include "gen/layout.h"
#include "mm/frame.h"
#include "sync/spinlock.h"

#define FRAME_SHIFT            12u
#define SECTION_SHIFT          30u /* as large as the longest run, so none crosses a section */
#define FRAME_CACHE_MAX        256u
#define FRAME_CACHE_BATCH      32u
#define FRAME_CACHE_LOW        32u  /* filling begins when no more are left */
#define FRAME_CACHE_HIGH       128u /* draining begins when there are as many */
#define FRAME_CACHE_ORDER      5u   /* 2^5 == FRAME_CACHE_BATCH */
#define FRAME_CACHE_ZEROED_MAX 16u
#define FRAME_STOCK_MAX        1024u /* frames, filled when less than half is left */
#define FRAME_STOCK_MIN        64u   /* the same where memory is short */
#define FRAME_STOCK_SHARE      32u   /* part of the free frames, for all cores together */
#define FRAME_STOCK_RUNS_FILL  32u   /* taken at a time at most, */
#define FRAME_STOCK_RUNS_MAX   64u   /* up to so many, */
#define FRAME_STOCK_RUNS       68u   /* one of which is cut into 4 more */

enum frame_state {
    FRAME_STATE_TAIL = 0, /* inside the run of some head before it */
    FRAME_STATE_FREE,     /* head of a free run, on a list of its zone */
    FRAME_STATE_CACHED,   /* free, in the cache of a core; order 0 */
    FRAME_STATE_USED,     /* head of a run in use */
    FRAME_STATE_ABSENT,   /* not RAM; order 0 */
    FRAME_STATE_STOCKED,  /* head of a free run in the stock of a core */
};

/* (z) lock of its zone while FREE  (o) owner of the run while USED  (a) atomic: a merging core
 * looks at its buddy's */
struct frame {
    struct list link; /* (z) free list; (o) while in use */
    uint64_t data; /* (z) physical address; (o) heap: see heap_impl.h; page table: entries in use */
    atomic_uint refs;      /* (a) while USED, see frame_get() */
    _Atomic uint8_t state; /* (a) enum frame_state */
    uint8_t order;         /* (z, o) of the run this frame is the head of */
    uint8_t owner;         /* (o) enum frame_owner */
    uint8_t reserved;
};
static_assert(sizeof(struct frame) == 32, "1/128 of memory; frame_of() multiplies by it");

/* The part of the frame table for 1 GiB of physical addresses. frames == NULL: no RAM there. */
struct frame_section {
    struct frame *frames; /* of first_pfn on */
    uint64_t first_pfn;
    uint64_t end_pfn;
    uint64_t bias; /* frames - first_pfn * sizeof(struct frame), as a number */
};

enum frame_zone_id { FRAME_ZONE_LOW, FRAME_ZONE_HIGH, FRAME_ZONES };
#define FRAME_ZONE_LOW_END 0x100000000ull /* what 32-bit devices can reach */

struct frame_zone {
    struct spinlock lock;
    struct list free[FRAME_ORDER_MAX + 1];
    uint64_t runs[FRAME_ORDER_MAX + 1]; /* length of each list */
    uint32_t orders;                    /* bit k: free[k] is not empty */
    uint64_t free_frames;
};

/* Own core only, interrupts off, but for the two atomics; others read the numbers. */
struct frame_cache {
    uint32_t count;
    uint32_t zeroed_count;
    uint32_t stock_count;        /* runs, */
    uint32_t stock_frames;       /* together so many frames */
    int64_t owned[FRAME_OWNERS]; /* taken minus given back here; only the sum over cores counts */
    uint64_t refills;            /* trips to the zones */
    uint64_t drains;
    _Atomic(struct frame *) surrendered; /* handed over, not yet taken: frame_reclaim.c */
    atomic_uint surrenders;              /* how often it was asked to */
    paddr_t plain[FRAME_CACHE_MAX];
    paddr_t zeroed[FRAME_CACHE_ZEROED_MAX];
    paddr_t stock[FRAME_STOCK_RUNS];
} __attribute__((aligned(64)));

static_assert(FRAME_CACHE_BATCH << (FRAME_STOCK_RUNS - FRAME_STOCK_RUNS_MAX) >= FRAME_STOCK_MAX / 2,
              "half a stock in one run, halved until it is a batch");

extern struct frame_zone frame_zones[FRAME_ZONES];
extern struct frame_cache frame_caches[CPU_MAX];
extern struct frame_section *frame_sections;
extern uint64_t frame_section_count;

/* frame_cache_frames() - how many free frames a core has. From any core: a hint. */
static inline uint64_t frame_cache_frames(const struct frame_cache *cache)
{
    return *(const volatile uint32_t *)&cache->count +
           *(const volatile uint32_t *)&cache->zeroed_count +
           *(const volatile uint32_t *)&cache->stock_frames;
}

/* frame_lookup() - the table entry of an address; NULL: no table covers it. */
static inline struct frame *frame_lookup(paddr_t pa)
{
    uint64_t index = pa >> SECTION_SHIFT, pfn = pa >> FRAME_SHIFT;
    if (UNLIKELY(index >= frame_section_count)) {
        return NULL;
    }
    const struct frame_section *section = &frame_sections[index];
    if (UNLIKELY(pfn < section->first_pfn || pfn >= section->end_pfn)) {
        return NULL;
    }
    return (struct frame *)(section->bias + pfn * sizeof(struct frame));
}

/* frame_of() - the same for an address that is known to be RAM. */
static inline struct frame *frame_of(paddr_t pa)
{
    return (struct frame *)(frame_sections[pa >> SECTION_SHIFT].bias +
                            (pa >> FRAME_SHIFT) * sizeof(struct frame));
}

static inline enum frame_state frame_state_of(const struct frame *frame)
{
    return (enum frame_state)atomic_load_explicit(&frame->state, memory_order_relaxed);
}

/* frame_zone_of() - where a run is free when it is. */
static inline struct frame_zone *frame_zone_of(paddr_t pa)
{
    return &frame_zones[pa >= FRAME_ZONE_LOW_END ? FRAME_ZONE_HIGH : FRAME_ZONE_LOW];
}

/*
 * frame_check() - verify I1 to I7 of frame.c, R3 of frame_reclaim.c.
 * @why  gets one line about the first violation Returns true if all hold. Reads without locks: all
 * other cores stopped or quiet, and none stopped inside the allocator. Cost: a few instructions per
 * frame.
 */
bool frame_check(char *why, size_t bytes);

/* frame_add_free() / frame_add_used() - frame_init() enters a run that the allocator has not
 * known before. */
void frame_add_free(paddr_t pa, unsigned order);
void frame_add_used(paddr_t pa, unsigned order, enum frame_owner owner);

/* frame_cache_drain() - give this core's cached frames back to the zones. */
void frame_cache_drain(void);

/*
 * frame_reclaim() - have the other cores hand their cached frames over, and free those. True if
 * there were any. Waits for cores that have some; no zone's lock is held. frame_return_cached() -
 * a frame that was CACHED, or a run that was STOCKED, and is in no cache goes back to its zone.
 */
bool frame_reclaim(void);
void frame_return_cached(struct frame *frame);
