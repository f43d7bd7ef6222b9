/* SPDX-License-Identifier: MIT */
/*
 * Freezing pages of an area, and going along the mappings that show it.
 *
 * Problem. Faults look a frame up without the area's lock and enter it into a page table. Who wants
 * to take a frame away, or forbid writing to it, must be sure that no space shows it and that no
 * fault is just about to; but spaces lock before areas, so he cannot hold the area's lock while he
 * visits them.
 *
 * Freezing. A range of pages is marked, then every space that maps it is visited: its lock is taken,
 * leaves are cleared or made read-only, its TLBs flushed. A fault that had looked before is over
 * when its space's lock can be owned, and its leaf is seen; one that looks later sees the mark, lets go
 * and tries again. So between the last visit and the thaw the pages are nobody else's:
 *
 *      freeze pages                    a fault: share space->lock
 *      for each mapping                         frozen? let go, poll, try again
 *          own its space->lock                  look up, enter leaf
 *          clear leaves, flush                  let go
 *          let go
 *      change the slots
 *      thaw
 *
 *   Z1  One freeze at a time per area, never across a preemption point: who meets one spins, and
 *       polls. Long work goes in steps of 512 pages.
 *   Z2  A walk goes along area->mappings with the lock let go at each visit. The mapping visited is
 *       pinned: who wants to remove it waits. New mappings, and upper parts of cut ones, come to the
 *       end of the list, so the walk meets them; what a mapping grows by at its upper end is not shown before its pages were looked
 *       at for the mark. Only merging moves pages to an earlier mapping, and
 *       that is not done while a walk is under way.
 *
 * `check mm` verifies that walks and pins agree (Z2). A stop may come in the middle of a freeze, so a mark that is set says nothing
 * of Z1.
 */
#include "arch/cpu.h"
#include "vm/space_impl.h"

/* ---- mappings of an area ---- */

bool area_has_one_mapping(const struct area *area, const struct mapping *mapping)
{
    return area->mappings.next == &mapping->area_link &&
           area->mappings.prev == &mapping->area_link &&
           atomic_load_explicit(&area->frozen_end, memory_order_relaxed) == 0;
}

void area_add_mapping(struct area *area, struct mapping *mapping)
{
    spinlock_acquire(&area->lock);
    list_push_back(&area->mappings, &mapping->area_link);
    spinlock_release(&area->lock);
}

void area_remove_mapping(struct area *area, struct mapping *mapping)
{
    spinlock_acquire(&area->lock);
    while (mapping->pins != 0) { /* Z2: a visit is short */
        spinlock_release(&area->lock);
        cpu_relax();
        core_poll();
        spinlock_acquire(&area->lock);
    }
    list_remove(&mapping->area_link);
    spinlock_release(&area->lock);
}

bool area_try_remove_mapping(struct area *area, struct mapping *mapping)
{
    spinlock_acquire(&area->lock);
    bool is_quiet = area->walks == 0;
    if (is_quiet) {
        list_remove(&mapping->area_link);
    }
    spinlock_release(&area->lock);
    return is_quiet;
}

/* The mapping after `previous`, pinned; NULL previous: the first. NULL: the end. */
static struct mapping *walk_next(struct area *area, struct mapping *previous)
{
    struct mapping *next = NULL;
    spinlock_acquire(&area->lock);
    struct list *node = previous != NULL ? previous->area_link.next : area->mappings.next;
    if (previous != NULL) {
        previous->pins--;
    } else {
        area->walks++;
    }
    if (node != &area->mappings) {
        next = LIST_ENTRY(node, struct mapping, area_link);
        next->pins++;
    } else {
        area->walks--;
    }
    spinlock_release(&area->lock);
    return next;
}

/* Where a mapping shows some of the pages [first, end). False: it shows none. An end read too early
 * may be too high, which does no harm; what was cut off is met later (Z2). */
static bool find_shown(const struct mapping *mapping, uint64_t first, uint64_t end, vaddr_t *out_va,
                       vaddr_t *out_end)
{
    vaddr_t start = mapping_start(mapping), stop = *(const volatile vaddr_t *)&mapping->end;
    uint64_t low = mapping->offset / PAGE_BYTES;
    uint64_t high = low + (stop - start) / PAGE_BYTES;
    if (first >= high || end <= low) {
        return false;
    }
    *out_va = start + (MAX(first, low) - low) * PAGE_BYTES;
    *out_end = start + (MIN(end, high) - low) * PAGE_BYTES;
    return true;
}

/* Visit every mapping that shows some of the pages, under its space's lock. */
void area_visit(struct area *area, uint64_t first, uint64_t end, area_visit_fn visit, void *context)
{
    struct mapping *mapping = NULL;
    while ((mapping = walk_next(area, mapping)) != NULL) {
        vaddr_t va, stop;
        if (find_shown(mapping, first, end, &va, &stop)) {
            shared_lock_acquire(&mapping->space->lock);
            visit(mapping, va, stop, context);
            shared_lock_release(&mapping->space->lock);
        }
    }
}

/* ---- freezing ---- */

/* Returns with area->lock held. */
static void freeze_locking(struct area *area, uint64_t first, uint64_t end)
{
    spinlock_acquire(&area->lock);
    while (atomic_load_explicit(&area->frozen_end, memory_order_relaxed) != 0) {
        spinlock_release(&area->lock);
        cpu_relax();
        core_poll();
        spinlock_acquire(&area->lock);
    }
    atomic_store_explicit(&area->frozen_first, first, memory_order_relaxed);
    atomic_store_explicit(&area->frozen_end, end, memory_order_relaxed);
}

void area_freeze(struct area *area, uint64_t first, uint64_t end, area_visit_fn visit,
                 void *context)
{
    freeze_locking(area, first, end);
    spinlock_release(&area->lock);
    area_visit(area, first, end, visit, context);
}

/* Pairs with the acquire in area_is_frozen(). */
void area_thaw(struct area *area)
{
    atomic_store_explicit(&area->frozen_end, 0, memory_order_release);
}
