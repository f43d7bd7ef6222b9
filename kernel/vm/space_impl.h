/* SPDX-License-Identifier: MIT */
/* Inside of spaces, for vm/ and kdebug's `space`. Theory and invariants: space.c. */
#pragma once

#include "base/tree.h"
#include "mm/page_table.h"
#include "sync/shared_lock.h"
#include "vm/area_impl.h"
#include "vm/space.h"

#define SPACE_CHOOSE_BASE 0x1000000000ull /* where addresses chosen by the kernel begin: 64 GiB */

/* One mapping. (c) constant while live  (l) read by who shares space->lock, written by who owns it */
struct mapping {
    struct tree_node node; /* (l) key: first address */
    struct list link;      /* (l) space->in_order; then of who has taken it out */
    vaddr_t end;           /* (l) */
    struct space *space;   /* (c) */
    struct area *area;     /* (c) with a reference; NULL: a guard, shows nothing */
    uint64_t offset;       /* (c) of the first address in the area */
    uint64_t leaf_flags;   /* (l) PTE_* of its pages */
    struct unmapping
        *dying; /* (l) being unmapped, by whom: keeps its addresses, serves no fault; NULL: live */
    uint8_t protection;    /* (l) PROT_* */
    uint8_t allowed;       /* (c) PROT_* that it may ever have */
    unsigned pins;         /* (area->lock) walks that look at it just now */
    struct list area_link; /* (area->lock) area->mappings */
};

struct space {
    struct shared_lock lock;
    struct page_table table; /* (l) shared: only additions, see space.c */
    struct tree mappings;    /* (l) by first address */
    struct list in_order;    /* (l) the same, mapping.link */
    struct mapping
        *recent; /* (l, also shared) found last; NULL or live or dying, never freed memory */
    vaddr_t choose_next;    /* (l) where the search for room begins */
    uint64_t mapping_count; /* (l) */
};

static inline vaddr_t mapping_start(const struct mapping *mapping)
{
    return mapping->node.key;
}

static inline struct mapping *mapping_of_node(struct tree_node *node)
{
    return node != NULL ? TREE_ENTRY(node, struct mapping, node) : NULL;
}

/* space_first() / space_next() - mappings by address; NULL at the end. REQUIRES(space->lock), or
 * all cores stopped. */
static inline struct mapping *space_first(const struct space *space)
{
    return list_is_empty(&space->in_order) ? NULL
                                           : LIST_FIRST(&space->in_order, struct mapping, link);
}

static inline struct mapping *space_next(const struct mapping *mapping)
{
    const struct list *next = mapping->link.next;
    return next == &mapping->space->in_order ? NULL : LIST_ENTRY(next, struct mapping, link);
}

/*
 * space_find_at_most_locked() - the last mapping that begins at or below an address; NULL: none. REQUIRES(space->lock, shared).
 * Cost: 10 instructions where the last look-up ended, too; else 7 for each level of the tree.
 */
static inline struct mapping *space_find_at_most_locked(struct space *space, vaddr_t va)
{
    struct mapping *mapping = __atomic_load_n(&space->recent, __ATOMIC_RELAXED);
    if (LIKELY(mapping != NULL && mapping_start(mapping) <= va)) {
        const struct mapping *next = space_next(mapping);
        if (LIKELY(next == NULL || mapping_start(next) > va)) {
            return mapping;
        }
    }
    mapping = mapping_of_node(tree_find_at_most(&space->mappings, va));
    if (mapping != NULL) {
        __atomic_store_n(&space->recent, mapping, __ATOMIC_RELAXED);
    }
    return mapping;
}

/* space_find_locked() - the mapping an address lies in, dying or not; NULL: none. REQUIRES(space->lock, shared). */
static inline struct mapping *space_find_locked(struct space *space, vaddr_t va)
{
    struct mapping *mapping = __atomic_load_n(&space->recent, __ATOMIC_RELAXED);
    if (mapping == NULL || va < mapping_start(mapping) || va >= mapping->end) {
        mapping = space_find_at_most_locked(space, va);
        if (mapping == NULL || va >= mapping->end) {
            return NULL;
        }
    }
    return mapping;
}

/* mapping_page() - the page of its area that it shows at an address. */
static inline uint64_t mapping_page(const struct mapping *mapping, vaddr_t va)
{
    return area_page(mapping->area, mapping->offset + (va - mapping_start(mapping)));
}

/*
 * In mapping.c. mapping_create() - one for an area or, NULL, a guard, which knows neither its addresses nor its protection yet;
 * takes the caller's reference to the area. NULL: no memory. mapping_free() - one that is in no space.
 * mapping_enter_locked() - into its space's tree and list: nothing else may be there (V1). mapping_leave_locked() - out of them.
 * mapping_leave_all_locked() - all of a space, which are on `gone` then. They REQUIRE(space->lock).
 */
struct mapping *mapping_create(struct space *space, struct area *area) MUST_CHECK;
void mapping_free(struct mapping *mapping);
void mapping_enter_locked(struct mapping *mapping);
void mapping_leave_locked(struct mapping *mapping);
void mapping_leave_all_locked(struct space *space, struct list *gone);

/*
 * For space_protect.c and area_share.c; all REQUIRE(space->lock).
 *
 * space_cut_locked() - afterwards every live mapping that overlaps [va, end) lies inside of it.
 * ERR_NO_MEMORY: nothing has changed. space_first_live_locked() - the first live one that overlaps.
 * space_clear_leaves_locked() - remove the leaves of up to a few tables from all cores, free emptied
 * tables. leaf_flags_of() - for a protection.
 */
status_t space_cut_locked(struct space *space, vaddr_t va, vaddr_t end) MUST_CHECK;
struct mapping *space_first_live_locked(struct space *space, vaddr_t va, vaddr_t end);
void space_clear_leaves_locked(struct space *space, vaddr_t va, vaddr_t end);
uint64_t leaf_flags_of(const struct area *area, unsigned protection);
bool space_is_user_range(vaddr_t va, uint64_t bytes);
bool space_is_protection(unsigned protection);

/* space_resolve() - make the page at va present for an access that needs these PROT_* bits.
 * FAULT_FAILED comes with the reason in
 * *out_status: ERR_BAD_ADDRESS, ERR_NO_MEMORY. In fault.c. */
enum fault_outcome space_resolve(struct space *space, vaddr_t va, unsigned need,
                                 status_t *out_status);

/* space_show() - give the page at va the leaf that it lacks, if that takes no memory and no pager: true. In fault.c. */
bool space_show(struct space *space, vaddr_t va, unsigned need) MUST_CHECK;

/* space_show_present_locked() - MAP_PRESENT of what has just been mapped there. REQUIRES(space->lock). In space_prefault.c. */
void space_show_present_locked(struct space *space, vaddr_t va, vaddr_t end);

/* space_check() - verify V1 to V4 of space.c. As frame_check(). */
bool space_check(const struct space *space, char *why, size_t bytes);
