/* SPDX-License-Identifier: MIT */
/*
 * Areas: create and destroy.
 *
 * An anonymous area owns its frames, whoever maps it: pages live as long as the area, and all
 * spaces that map it see the same ones. They are noted in a page index (area_index.c).
 *
 *   A1  A slot goes from 0 to a frame, and nodes only come, until the area is destroyed or resized. What a pager
 *       does to it: O1 of pager.c.
 *       A page gets another frame, and the index another shape, only while the page is frozen and no
 *       space shows it.
 *   A2  resident = pages that have a frame in the index.
 *   A3  A frame has a reference for each area whose index has it, and for each core that just copies it.
 *   A4  A frame with more than one reference, or of an origin, is not writable in any space. A large
 *       frame has one reference: it is split before it is shared.
 *
 * Freezing, and how A4 comes about when an area is cloned: area_share.c.
 *
 * Locks: area->lock (rank AREA) is for adding to the index and for the list of mappings; a space
 * that maps the area takes it under its own. Looking up needs none, by A1.
 */
#include "vm/area.h"

#include "abi/memory.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "base/string.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "sched/thread.h"
#include "vm/area_impl.h"
#include "vm/pager_impl.h"

#define PAGES_PER_STEP 4u /* 16 KiB of zeroing between preemption points */
#define RUN_BYTES_MAX  (FRAME_BYTES << FRAME_ORDER_MAX)

static bool is_valid_size(uint64_t bytes)
{
    return bytes != 0 && IS_ALIGNED(bytes, FRAME_BYTES) && bytes <= AREA_BYTES_MAX;
}

static struct cache *area_cache;

void area_init(void)
{
    area_cache = cache_create("area", sizeof(struct area));
}

static struct area *create_area(enum area_kind kind, uint64_t bytes)
{
    struct area *area = cache_alloc(area_cache);
    if (area != NULL) {
        memset(area, 0, sizeof(*area)); /* nobody has a reference: it stays 0 */
        object_init(&area->object, OBJECT_AREA);
        spinlock_init(&area->lock, "area", LOCK_RANK_AREA);
        list_init(&area->mappings);
        area->kind = kind;
        area->bytes = bytes;
        area->writable = true;
        area->is_ram = true;
    }
    return area;
}

status_t area_create_anonymous(uint64_t bytes, unsigned flags, struct area **out)
{
    if (!is_valid_size(bytes)) {
        return ERR_RANGE;
    }
    struct area *area = create_area(AREA_ANONYMOUS, bytes);
    if (area == NULL) {
        return ERR_NO_MEMORY;
    }
    uint64_t pages = bytes / FRAME_BYTES;
    area->is_ring = flags & AREA_RING;
    area->lowest_entries = (unsigned)MIN(pages, (uint64_t)AREA_NODE_ENTRIES);
    /* From 512 pages on a second level, where large frames are. */
    area->levels = 1;
    while (pages >= 1ull << area->levels * AREA_NODE_BITS) {
        area->levels++;
    }
    *out = area;
    return OK;
}

static void zero_run(paddr_t base, uint64_t pages)
{
    for (uint64_t page = 0; page < pages; page++) {
        page_zero(phys_to_virt(base + page * FRAME_BYTES));
        if (page % PAGES_PER_STEP == PAGES_PER_STEP - 1) {
            preempt_point();
        }
    }
}

status_t area_create_run(uint64_t bytes, unsigned flags, struct area **out)
{
    if (!is_valid_size(bytes) || bytes > RUN_BYTES_MAX ||
        ((flags & AREA_HUGE) && bytes != HUGE_PAGE_BYTES)) {
        return ERR_RANGE;
    }
    struct area *area = create_area(AREA_RUN, bytes);
    if (area == NULL) {
        return ERR_NO_MEMORY;
    }
    paddr_t limit = flags & AREA_BELOW_4G ? 1ull << 32 : FRAME_LIMIT_NONE;
    area->is_ring = flags & AREA_RING;
    area->is_huge = flags & AREA_HUGE;
    area->base =
        frame_alloc_run(bytes / FRAME_BYTES, limit, pager_is_asking() ? FRAME_PAGER : FRAME_USER);
    if (area->base == 0) {
        object_discard(&area->object);
        cache_free(area_cache, area);
        return ERR_NO_MEMORY;
    }
    zero_run(area->base, bytes / FRAME_BYTES);
    *out = area;
    return OK;
}

/* Entries 1 and 3 of the page attribute table, see PAT_VALUE in arch/x86_64/cpu.c. */
static uint64_t flags_of_cache(enum area_cache cache)
{
    switch (cache) {
    case AREA_CACHE_UNCACHED:
        return PTE_PCD | PTE_PWT;
    case AREA_CACHE_WRITE_COMBINING:
        return PTE_PWT;
    default:
        return 0;
    }
}

status_t area_create_physical(paddr_t base, uint64_t bytes, bool writable, enum area_cache cache,
                              struct area **out)
{
    if (!is_valid_size(bytes) || !IS_ALIGNED(base, FRAME_BYTES) || base > PTE_ADDRESS ||
        bytes > PTE_ADDRESS - base) {
        return ERR_RANGE;
    }
    struct area *area = create_area(AREA_PHYSICAL, bytes);
    if (area == NULL) {
        return ERR_NO_MEMORY;
    }
    area->base = base;
    area->writable = writable;
    area->cache_flags = flags_of_cache(cache);
    area->is_ram =
        cache == AREA_CACHE_WRITE_BACK && frame_is_ram(base) && frame_is_ram(base + bytes - 1);
    *out = area;
    return OK;
}

void area_set_payer(struct area *area, struct quota *quota)
{
    area->payer = quota_get(quota);
}

uint64_t area_bytes(const struct area *area)
{
    return area->bytes;
}

paddr_t area_physical(const struct area *area)
{
    return area->base;
}

void area_destroy(struct object *object)
{
    struct area *area = CONTAINER_OF(object, struct area, object);
    VERIFY(list_is_empty(&area->mappings));
    if (area->kind == AREA_RUN) {
        frame_free_run(area->base, area->bytes / FRAME_BYTES);
    }
    area_index_destroy(area);
    if (area->origin != NULL) {
        object_put(&area->origin->object);
    }
    quota_return(area->payer, QUOTA_MEMORY, area->bytes / FRAME_BYTES);
    quota_put(area->payer);
    if (!pager_outlives(area)) {
        area_free(area);
    }
}

void area_give_back(struct area *area)
{
    cache_free(area_cache, area);
}
