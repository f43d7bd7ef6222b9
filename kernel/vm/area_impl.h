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
    uint64_t resident;       /* (a) anonymous: pages that have a frame, see area_count_resident() */
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
 * area_look_up() - where the index has what it knows of a page of an anonymous area.
 *
 * Takes no lock: by A1 what is there stays, but for frozen pages, which only change when no mapping shows them. Tagged entries
 * change under area->lock.
 * Context: sharing or owning the lock of a space that maps the page, which is not frozen; or all cores stopped.
 */
struct area_place {
    uint64_t *slot; /* NULL: the index is empty */
    uint64_t entry; /* what it holds: a frame, tagged or not; 0: nothing; never a node */
    unsigned level; /* what it stands for: 0 a page; above, a large frame or a hole */
};
static inline struct area_place area_look_up(const struct area *area, uint64_t page)
{
    struct area_place place = {.level = area->levels};
    uint64_t *node = __atomic_load_n(&area->index, __ATOMIC_ACQUIRE);
    while (LIKELY(node != NULL)) {
        place.level--;
        place.slot = &node[page >> place.level * AREA_NODE_BITS & (AREA_NODE_ENTRIES - 1)];
        place.entry = __atomic_load_n(place.slot, __ATOMIC_ACQUIRE);
        if (place.level == 0 || (place.entry & AREA_LARGE)) {
            break;
        }
        node = (uint64_t *)place.entry;
    }
    return place;
}

/* area_place_is_large(), area_place_is_hole() - the 2 MiB around the page are a large frame; nothing. */
static inline bool area_place_is_large(const struct area_place *place)
{
    return place->level > 0 && place->entry != 0;
}

static inline bool area_place_is_hole(const struct area_place *place)
{
    return place->level > 0 && place->entry == 0;
}

/* area_place_frame() - the frame of the page, 0: none that could be shown. */
static inline paddr_t area_place_frame(const struct area_place *place, uint64_t page)
{
    if (UNLIKELY(area_place_is_large(place))) {
        return (place->entry & ~AREA_LARGE) + page % AREA_NODE_ENTRIES * PAGE_BYTES;
    }
    return place->entry & AREA_PAGED ? 0 : place->entry;
}

/*
 * area_entry() - what the index has for a page: its frame, 0: nothing, or an entry tagged AREA_PAGED. area_find() - the frame,
 * 0: none of its own that could be shown. area_is_large() - it is part of a large one. As area_look_up().
 */
static inline paddr_t area_find(const struct area *area, uint64_t page)
{
    struct area_place place = area_look_up(area, page);
    return area_place_frame(&place, page);
}

static inline uint64_t area_entry(const struct area *area, uint64_t page)
{
    struct area_place place = area_look_up(area, page);
    return place.level == 0 ? place.entry : area_place_frame(&place, page);
}

static inline bool area_is_large(const struct area *area, uint64_t page)
{
    struct area_place place = area_look_up(area, page);
    return area_place_is_large(&place);
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

/* area_count_resident() - so many pages more have a frame (A2), or fewer. */
static inline void area_count_resident(struct area *area, int64_t pages)
{
    __atomic_fetch_add(&area->resident, (uint64_t)pages, __ATOMIC_RELAXED);
}

/*
 * area_own_frame() - note a frame in the slot of a page. REQUIRES(area->lock), and that nobody enters one. area_enter_frame() -
 * the same for a slot that has none, without the lock; false: somebody was faster. area_own_large() - for 2 MiB, with the lock.
 * Pair with the loads in area_look_up(): who sees the frame's address sees it zeroed.
 */
static inline void area_own_frame(struct area *area, uint64_t *slot, paddr_t frame)
{
    __atomic_store_n(slot, frame, __ATOMIC_RELEASE);
    area_count_resident(area, 1);
}

static inline bool area_enter_frame(struct area *area, uint64_t *slot, paddr_t frame)
{
    uint64_t none = 0;
    if (!__atomic_compare_exchange_n(slot, &none, frame, false, __ATOMIC_RELEASE,
                                     __ATOMIC_RELAXED)) {
        return false;
    }
    area_count_resident(area, 1);
    return true;
}

static inline void area_own_large(struct area *area, uint64_t *slot, paddr_t frame)
{
    __atomic_store_n(slot, frame | AREA_LARGE, __ATOMIC_RELEASE);
    area_count_resident(area, AREA_NODE_ENTRIES);
}

/* area_index_grow_locked() - make room for more pages. False: no memory. REQUIRES(area->lock), all
 * pages frozen. area_index_cut_locked() - free the frames of pages from first to end. */
bool area_index_grow_locked(struct area *area, uint64_t pages);
void area_index_cut_locked(struct area *area, uint64_t first, uint64_t end);
void area_index_destroy(struct area *area);

/* area_check() - verify A2, A3, O1, O3 and O4 of pager.c, Z2 of area_freeze.c. As frame_check(). */
bool area_check(const struct area *area, char *why, size_t bytes);

/* area_give_back() - the memory of one that nobody knows; in area.c. */
void area_give_back(struct area *area);

/* area_is_frozen() - a fault on this page has to be tried again. REQUIRES(space->lock, shared). */
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
