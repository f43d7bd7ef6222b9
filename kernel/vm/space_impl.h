/* SPDX-License-Identifier: MIT */
/* Inside of spaces, for vm/ and kdebug's `space`. Theory and invariants: space.c. */
#pragma once

#include "base/tree.h"
#include "mm/page_table.h"
#include "sync/spinlock.h"
#include "vm/area_impl.h"
#include "vm/space.h"

#define SPACE_CHOOSE_BASE 0x1000000000ull /* where addresses chosen by the kernel begin: 64 GiB */

/* One mapping. (c) constant while live  (l) space->lock */
struct mapping {
    struct tree_node node; /* (l) key: first address */
    vaddr_t end;           /* (l) */
    struct space *space;   /* (c) */
    struct area *area;     /* (c) with a reference; NULL: a guard, shows nothing */
    uint64_t offset;       /* (c) of the first address in the area */
    uint64_t leaf_flags;   /* (l) PTE_* of its pages */
    uint8_t protection;    /* (l) PROT_* */
    uint8_t allowed;       /* (c) PROT_* that it may ever have */
    bool dying;            /* (l) being unmapped: keeps its addresses, serves no fault */
    struct list link;      /* of the unmapper while dying */
    struct list area_link; /* (area->lock) area->mappings */
    unsigned pins;         /* (area->lock) walks that look at it just now */
};

struct space {
    struct spinlock lock;
    struct page_table table; /* (l) */
    struct tree mappings;    /* (l) by first address */
    struct mapping *recent;  /* (l) found last; NULL or live or dying, never freed memory */
    vaddr_t choose_next;     /* (l) where the search for room begins */
    uint64_t mapping_count;  /* (l) */
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
    return mapping_of_node(tree_first(&space->mappings));
}

static inline struct mapping *space_next(const struct mapping *mapping)
{
    return mapping_of_node(tree_next(&mapping->node));
}

/* space_find_locked() - the mapping an address lies in, dying or not; NULL: none. */
static inline struct mapping *space_find_locked(struct space *space, vaddr_t va)
{
    struct mapping *mapping = space->recent;
    if (mapping == NULL || va < mapping_start(mapping) || va >= mapping->end) {
        mapping = mapping_of_node(tree_find_at_most(&space->mappings, va));
        if (mapping == NULL || va >= mapping->end) {
            return NULL;
        }
        space->recent = mapping;
    }
    return mapping;
}

/* mapping_page() - the page of its area that it shows at an address. */
static inline uint64_t mapping_page(const struct mapping *mapping, vaddr_t va)
{
    return area_page(mapping->area, mapping->offset + (va - mapping_start(mapping)));
}

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

/* space_check() - verify V1 to V4 of space.c. As frame_check(). */
bool space_check(const struct space *space, char *why, size_t bytes);
