/* SPDX-License-Identifier: MIT */
/*
 * From the handoff's memory list to the frame table: where it lies, what is in it at the start.
 *
 * Every RAM region gets entries, also those in use by firmware, loader, kernel, boot image and
 * trace rings: their frames are USED runs of the owner that fits, so that accounting covers all of
 * RAM and a stray free of one is caught. Bounds are rounded inwards to frames; what lies past the
 * direct map is left out, because nothing could touch it.
 */
#include "abi/handoff.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "base/string.h"
#include "mm/frame_impl.h"

#define SECTION_BYTES (1ull << SECTION_SHIFT)

struct range {
    paddr_t start, end;
};

static const struct handoff *map; /* of the loader; stays in memory */
static paddr_t limit;

static bool is_ram_type(uint32_t type)
{
    switch (type) {
    case HANDOFF_MEMORY_USABLE:
    case HANDOFF_MEMORY_LOADER:
    case HANDOFF_MEMORY_KERNEL:
    case HANDOFF_MEMORY_IMAGE:
    case HANDOFF_MEMORY_TRACE:
    case HANDOFF_MEMORY_ACPI:
    case HANDOFF_MEMORY_FIRMWARE:
        return true;
    default:
        return false;
    }
}

static enum frame_owner owner_of_type(uint32_t type)
{
    switch (type) {
    case HANDOFF_MEMORY_USABLE:
        return FRAME_FREE;
    case HANDOFF_MEMORY_KERNEL:
        return FRAME_KERNEL;
    case HANDOFF_MEMORY_TRACE:
        return FRAME_TRACE;
    default:
        return FRAME_RESERVED;
    }
}

/* The whole frames of a RAM region below the end of the direct map; empty for everything else. */
static struct range ram_range(const struct handoff_memory *region)
{
    struct range range = {0};
    if (is_ram_type(region->type)) {
        range.start = ROUND_UP(region->base, FRAME_BYTES);
        range.end =
            ROUND_DOWN(MIN(region->base + region->bytes, map->direct_map_bytes), FRAME_BYTES);
        range.end = MAX(range.end, range.start);
    }
    return range;
}

/* First and last RAM frame in a section, as a range; empty: none. */
static struct range section_extent(uint64_t index)
{
    paddr_t low = index * SECTION_BYTES, high = low + SECTION_BYTES;
    struct range extent = {0};
    for (uint32_t i = 0; i < map->memory_count; i++) {
        struct range ram = ram_range(&map->memory[i]);
        paddr_t start = MAX(ram.start, low), end = MIN(ram.end, high);
        if (start < end) {
            extent.start = extent.end == 0 ? start : extent.start; /* the list is sorted */
            extent.end = end;
        }
    }
    return extent;
}

static struct range choose_table_place(uint64_t bytes)
{
    struct range best = {0};
    for (uint32_t i = 0; i < map->memory_count; i++) {
        struct range ram = ram_range(&map->memory[i]);
        if (map->memory[i].type == HANDOFF_MEMORY_USABLE &&
            ram.end - ram.start > best.end - best.start) {
            best = ram;
        }
    }
    /* One frame more than the table, so that the region's first frame, which may be frame 0, is
     * not part of it. */
    if (best.end - best.start < bytes + FRAME_BYTES) {
        panic("no room for the frame table: %llu KiB, largest usable region %llu KiB",
              (unsigned long long)bytes / 1024, (unsigned long long)(best.end - best.start) / 1024);
    }
    best.start = best.end - bytes;
    return best;
}

static struct range place_table(uint64_t sections)
{
    uint64_t bytes = sections * sizeof(struct frame_section);
    for (uint64_t i = 0; i < sections; i++) {
        struct range extent = section_extent(i);
        bytes += (extent.end - extent.start) / FRAME_BYTES * sizeof(struct frame);
    }
    struct range place = choose_table_place(ROUND_UP(bytes, FRAME_BYTES));
    memset(phys_to_virt(place.start), 0, place.end - place.start); /* all TAIL */

    frame_sections = phys_to_virt(place.start);
    frame_section_count = sections;
    struct frame *next = (struct frame *)(frame_sections + sections);
    for (uint64_t i = 0; i < sections; i++) {
        struct range extent = section_extent(i);
        struct frame_section *section = &frame_sections[i];
        if (extent.end == 0) {
            continue;
        }
        section->frames = next;
        section->first_pfn = extent.start / FRAME_BYTES;
        section->end_pfn = extent.end / FRAME_BYTES;
        section->bias = (uint64_t)next - section->first_pfn * sizeof(struct frame);
        next += section->end_pfn - section->first_pfn;
    }
    return place;
}

static void mark_absent(paddr_t start, paddr_t end)
{
    for (paddr_t pa = start; pa < end; pa += FRAME_BYTES) {
        struct frame *frame = frame_lookup(pa);
        if (frame != NULL) {
            atomic_store_explicit(&frame->state, FRAME_STATE_ABSENT, memory_order_relaxed);
        }
    }
}

/* Holes between two RAM regions. Only the sections in which a hole begins and ends can have
 * entries for it. */
static void mark_holes(void)
{
    paddr_t covered = 0; /* everything below has been looked at */
    for (uint32_t i = 0; i < map->memory_count; i++) {
        struct range ram = ram_range(&map->memory[i]);
        if (ram.start == ram.end) {
            continue;
        }
        paddr_t first_end = MIN(ROUND_UP(covered, SECTION_BYTES), ram.start);
        mark_absent(covered, first_end);
        mark_absent(MAX(ROUND_DOWN(ram.start, SECTION_BYTES), first_end), ram.start);
        covered = ram.end;
    }
}

/* Cut a range into the fewest aligned runs. */
static void add_range(paddr_t start, paddr_t end, enum frame_owner owner)
{
    while (start < end) {
        uint64_t pfn = start / FRAME_BYTES, frames = (end - start) / FRAME_BYTES;
        unsigned order = FRAME_ORDER_MAX;
        while ((pfn & ((1ull << order) - 1)) != 0 || 1ull << order > frames) {
            order--;
        }
        if (owner == FRAME_FREE) {
            frame_add_free(start, order);
        } else {
            frame_add_used(start, order, owner);
        }
        start += FRAME_BYTES << order;
    }
}

static void add_regions(struct range table)
{
    for (uint32_t i = 0; i < map->memory_count; i++) {
        struct range ram = ram_range(&map->memory[i]);
        enum frame_owner owner = owner_of_type(map->memory[i].type);
        if (owner == FRAME_FREE && ram.start == 0 && ram.end > 0) {
            add_range(0, FRAME_BYTES, FRAME_RESERVED); /* I7 */
            ram.start = FRAME_BYTES;
        }
        if (owner == FRAME_FREE && ram.start < table.start && table.end == ram.end) {
            add_range(table.start, table.end, FRAME_KERNEL);
            ram.end = table.start;
        }
        add_range(ram.start, ram.end, owner);
    }
}

static paddr_t find_limit(void)
{
    paddr_t end = 0;
    for (uint32_t i = 0; i < map->memory_count; i++) {
        end = MAX(end, ram_range(&map->memory[i]).end);
    }
    return end;
}

void frame_init(const struct handoff *handoff)
{
    static const char *const names[FRAME_ZONES] = {"frames below 4 GiB", "frames above 4 GiB"};
    map = handoff;
    memset(frame_zones, 0, sizeof(frame_zones));
    for (unsigned i = 0; i < FRAME_ZONES; i++) {
        spinlock_init(&frame_zones[i].lock, names[i], LOCK_RANK_FRAMES);
        for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++) {
            list_init(&frame_zones[i].free[order]);
        }
    }
    limit = find_limit();
    struct range table = place_table(ROUND_UP(limit, SECTION_BYTES) / SECTION_BYTES);
    mark_holes();
    add_regions(table);
}

paddr_t frame_limit(void)
{
    return limit;
}

bool frame_is_ram(paddr_t pa)
{
    /* Regions before low end at or below pa, those from high on lie above. */
    uint32_t low = 0, high = map->memory_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const struct handoff_memory *region = &map->memory[middle];
        if (pa < region->base) {
            high = middle;
        } else if (pa - region->base >= region->bytes) {
            low = middle + 1;
        } else {
            return is_ram_type(region->type) && pa < map->direct_map_bytes;
        }
    }
    return false;
}
