/* SPDX-License-Identifier: MIT */
/* Inside of areas, for vm/ and kdebug's `area`. Theory: area.c. */
#pragma once

#include "base/list.h"
#include "sync/spinlock.h"
#include "vm/area.h"

#define AREA_NODE_BITS    9u
#define AREA_NODE_ENTRIES (1u << AREA_NODE_BITS)
#define AREA_BYTES_MAX    0x400000000000ull /* 64 TiB: half of what a space can show */

/* Tag of an entry above the lowest level: not a node, but a frame of 2 MiB. */
#define AREA_LARGE 1ull

/*
 * Tags of an entry of the lowest level (pager.c has the theory). AREA_PAGED: no frame to be shown. With
 * AREA_LEAVING the frame's address is there still; else the pager has the page, and the entry has its seal.
 */
#define AREA_PAGED   1ull
#define AREA_LEAVING 2ull
#define AREA_TAGS    (AREA_PAGED | AREA_LEAVING)

struct mapping;
struct pager;

/* (c) constant after create  (l) lock  (f) lock, and all pages frozen  (a) atomic */
struct area {
    struct object object;
    struct spinlock lock;
    enum area_kind kind;     /* (c) */
    bool writable;           /* (c) */
    bool is_ram;             /* (c) memory that the kernel may touch through the direct map */
    bool is_ring;            /* (c) */
    bool is_huge;            /* (c) show it with pages of 1 GiB */
    bool may_share;          /* (l) sticky: is a clone or has been cloned, A4 */
    uint64_t cache_flags;    /* (c) PTE_* of its leaves */
    uint64_t bytes;          /* (l) anonymous; else (c) */
    struct quota *payer;     /* (c) whose memory quota it counts against; NULL: nobody's */
    paddr_t base;            /* (c) run, physical: the first frame */
    struct area *origin;     /* (c) clone of physical memory: what pages are copied from */
    uint64_t origin_offset;  /* (c) */
    uint64_t *index;         /* (f) top node of the page index; NULL: nothing touched yet */
    unsigned levels;         /* (f) nodes from the top to a page's frame, at least 1 */
    unsigned lowest_entries; /* (f) slots of a lowest node */
    unsigned nodes;          /* (l) of the index */
    uint64_t resident;       /* (l) anonymous: pages that have a frame */
    struct pager *pager;     /* (l) who has, or had, pages of it, kept; NULL: all of it is here */
    uint64_t paged_out;      /* (l) pages that the pager has */
    uint64_t
        forget_from; /* (pager->lock) what the pager has from this page on is no longer needed */
    bool is_gone;    /* (pager->lock) destroyed, but for telling the pager */
    struct list forget_link; /* (pager->lock) the pager is to be told so; outlives the area */
    struct list mappings;    /* (l) mapping.area_link, new ones at the end */
    unsigned walks;          /* (l) area_walk()s under way */
    atomic_ulong frozen_first,
        frozen_end; /* (a) pages that no fault may map just now; 0, 0: none */
};
static_assert(offsetof(struct area, object) == 0,
              "handles and object_put() take it for its object");

/* area_span() - bytes that can be mapped. area_page() - the page at an offset below that. */
static inline uint64_t area_span(const struct area *area)
{
    return area->is_ring ? 2 * area->bytes : area->bytes;
}

static inline uint64_t area_page(const struct area *area, uint64_t offset)
{
    bool wraps = area->is_ring && offset >= area->bytes;
    return (wraps ? offset - area->bytes : offset) / PAGE_BYTES;
}

/*
 * area_entry() - what the index has for a page of an anonymous area: a frame, 0: nothing, or an entry
 * tagged AREA_PAGED. Takes no lock: by A1 what is there stays, but for frozen pages, which only change
 * when no mapping shows them. Tagged entries change under area->lock.
 * REQUIRES(the lock of a space that maps the page, which is not frozen), or all cores stopped.
 */
static inline uint64_t area_entry(const struct area *area, uint64_t page)
{
    const uint64_t *node = __atomic_load_n(&area->index, __ATOMIC_ACQUIRE);
    for (unsigned level = area->levels; node != NULL;) {
        level--;
        uint64_t entry = __atomic_load_n(
            &node[page >> level * AREA_NODE_BITS & (AREA_NODE_ENTRIES - 1)], __ATOMIC_ACQUIRE);
        if (level == 0) {
            return entry;
        }
        if (entry & AREA_LARGE) {
            return (entry & ~AREA_LARGE) + page % AREA_NODE_ENTRIES * PAGE_BYTES;
        }
        node = (const uint64_t *)entry;
    }
    return 0;
}

/* area_find() - the frame of a page, 0: none of its own that could be shown. As area_entry(). */
static inline paddr_t area_find(const struct area *area, uint64_t page)
{
    uint64_t entry = area_entry(area, page);
    return entry & AREA_PAGED ? 0 : entry;
}

/*
 * area_stretch() - what the index has for the 2 MiB around a page as a whole: 0: nothing, a large
 * frame (tagged), or a node; AREA_SMALL_ONLY: an index without such a level. As area_find().
 * area_is_large(), area_is_hole() - the first, the second.
 */
#define AREA_SMALL_ONLY 2ull
static inline uint64_t area_stretch(const struct area *area, uint64_t page)
{
    const uint64_t *node = __atomic_load_n(&area->index, __ATOMIC_ACQUIRE);
    if (area->levels < 2) {
        return AREA_SMALL_ONLY;
    }
    for (unsigned level = area->levels; node != NULL && level > 1;) {
        level--;
        node = (const uint64_t *)__atomic_load_n(
            &node[page >> level * AREA_NODE_BITS & (AREA_NODE_ENTRIES - 1)], __ATOMIC_ACQUIRE);
    }
    return (uint64_t)node;
}

static inline bool area_is_large(const struct area *area, uint64_t page)
{
    return area->levels > 1 && (area_stretch(area, page) & AREA_LARGE);
}

static inline bool area_is_hole(const struct area *area, uint64_t page)
{
    return area_stretch(area, page) == 0;
}

/* area_origin_frame() - the frame that a page without one of its own shows and is copied from. */
static inline paddr_t area_origin_frame(const struct area *area, uint64_t page)
{
    return area->origin->base + area->origin_offset + page * PAGE_BYTES;
}

/* area_is_out() - a tagged entry of a page that the pager has. area_leaving_frame() - the frame of one
 * that is on its way there. */
static inline bool area_is_out(uint64_t entry)
{
    return (entry & AREA_TAGS) == AREA_PAGED;
}

static inline paddr_t area_leaving_frame(uint64_t entry)
{
    return entry & ~AREA_TAGS;
}

/*
 * area_slot_locked() - where the frame of a page of an anonymous area is noted: physical address,
 * 0: none yet. Makes the nodes that lead to it, splits a large frame on the way; NULL: no memory.
 * area_large_slot_locked() - the entry for the 2 MiB around a page: 0, a node, or a large frame.
 * REQUIRES(area->lock), or that nobody else knows the area.
 */
uint64_t *area_slot_locked(struct area *area, uint64_t page);
uint64_t *area_large_slot_locked(struct area *area, uint64_t page);

/* area_own_frame() - note a frame in its slot. REQUIRES(area->lock). Pairs with the loads in
 * area_find(): who sees the frame's address sees it zeroed. */
static inline void area_own_frame(struct area *area, uint64_t *slot, paddr_t frame)
{
    __atomic_store_n(slot, frame, __ATOMIC_RELEASE);
    area->resident++;
}

static inline void area_own_large(struct area *area, uint64_t *slot, paddr_t frame)
{
    __atomic_store_n(slot, frame | AREA_LARGE, __ATOMIC_RELEASE);
    area->resident += AREA_NODE_ENTRIES;
}

/* area_index_grow_locked() - make room for more pages. False: no memory. REQUIRES(area->lock), all
 * pages frozen. area_index_cut_locked() - free the frames of pages from first to end. */
bool area_index_grow_locked(struct area *area, uint64_t pages);
void area_index_cut_locked(struct area *area, uint64_t first, uint64_t end);
void area_index_destroy(struct area *area);

/* area_check() - verify A2 and O2, O3 of pager.c. As frame_check(). */
bool area_check(const struct area *area, char *why, size_t bytes);

/* area_is_frozen() - a fault on this page has to be tried again. REQUIRES(space->lock). */
static inline bool area_is_frozen(const struct area *area, uint64_t page)
{
    return UNLIKELY(page < atomic_load_explicit(&area->frozen_end, memory_order_acquire) &&
                    page >= atomic_load_explicit(&area->frozen_first, memory_order_relaxed));
}

/*
 * area_freeze() - keep faults off the pages [first, end), and visit every mapping that shows some of
 * them, under its space's lock; area_visit() - visit them again. area_thaw() - let faults go on. No
 * preemption point in between; long work goes in steps. In area_freeze.c.
 */
typedef void (*area_visit_fn)(struct mapping *mapping, vaddr_t va, vaddr_t end, void *context);
void area_freeze(struct area *area, uint64_t first, uint64_t end, area_visit_fn visit,
                 void *context);
void area_visit(struct area *area, uint64_t first, uint64_t end, area_visit_fn visit,
                void *context);
void area_thaw(struct area *area);

/* area_own_page() - give a page that is shared a frame of its own, with the same contents. OK, also
 * if it was not shared; ERR_NO_MEMORY. Context: thread, no lock held. In area_share.c. */
status_t area_own_page(struct area *area, uint64_t page) MUST_CHECK;

/* area_has_one_mapping() - this one, and no page is frozen. True stays true while its space's lock
 * and the area's are held; with only the former it is a guess. */
bool area_has_one_mapping(const struct area *area, const struct mapping *mapping);

/* area_add_mapping() / area_remove_mapping() - a space shows it, or no longer. Removing waits for
 * walks that look at the mapping just now: no lock held. Takes AREA. */
void area_add_mapping(struct area *area, struct mapping *mapping);
void area_remove_mapping(struct area *area, struct mapping *mapping);
/* area_try_remove_mapping() - unless a walk is under way, which might miss what moves. */
bool area_try_remove_mapping(struct area *area, struct mapping *mapping) MUST_CHECK;
