/* SPDX-License-Identifier: MIT */
/*
 * Mappings: their memory, and how a space finds them.
 *
 * A tree by address finds one; a list in the same order leads to its neighbours. Most look-ups end where the last one did or beside
 * it, so they need no tree (space_find_at_most_locked()), and a mapping enters the tree beside the one before it.
 */
#include "base/assert.h"
#include "mm/heap.h"
#include "vm/space_impl.h"

static struct cache *mapping_cache;

void space_init(void)
{
    mapping_cache = cache_create_plain("mapping", sizeof(struct mapping));
}

struct mapping *mapping_create(struct space *space, struct area *area)
{
    struct mapping *mapping = cache_alloc(mapping_cache);
    if (mapping != NULL) {
        mapping->space = space;
        mapping->area = area;
        mapping->offset = 0;
        mapping->leaf_flags = 0;
        mapping->dying = NULL;
        mapping->protection = 0;
        mapping->allowed = 0;
        mapping->pins = 0;
    }
    return mapping;
}

void mapping_free(struct mapping *mapping)
{
    cache_free(mapping_cache, mapping);
}

void mapping_enter_locked(struct mapping *mapping)
{
    struct space *space = mapping->space;
    struct mapping *previous = space_find_at_most_locked(space, mapping_start(mapping));
    VERIFY(previous == NULL || previous->end <= mapping_start(mapping)); /* V1 */
    tree_insert_after(&space->mappings, &mapping->node, previous != NULL ? &previous->node : NULL);
    list_push_front(previous != NULL ? &previous->link : &space->in_order, &mapping->link);
    space->mapping_count++;
}

/* What would be a removal and its balance for each is none when all go. */
void mapping_leave_all_locked(struct space *space, struct list *gone)
{
    list_for_each_safe (node, next, &space->in_order) {
        list_push_back(gone, node);
    }
    list_init(&space->in_order);
    space->mappings.root = NULL;
    space->recent = NULL;
    space->mapping_count = 0;
}

void mapping_leave_locked(struct mapping *mapping)
{
    struct space *space = mapping->space;
    tree_remove(&space->mappings, &mapping->node);
    list_remove(&mapping->link);
    space->mapping_count--;
    if (space->recent == mapping) {
        space->recent = NULL;
    }
}
