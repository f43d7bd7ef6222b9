/* SPDX-License-Identifier: MIT */
/*
 * Memory map normaliser.
 *
 * All starts and ends of regions are edges. Between two neighbouring edges the set of regions that cover the stretch is
 * constant, so the stretch has one type: the strongest of that set. Stretches with the same type that touch are merged.
 * This needs no case analysis of how two regions may overlap, which is where such code usually goes wrong.
 *
 * M1  out is sorted by base; no two regions touch or overlap unless their types differ.
 * M2  a page is in out if and only if some input region covers it (usable: all of it; other types: a part of it).
 * M3  its type is the strongest of those.
 */
#include "boot/load/memory_map.h"

#include <stdbool.h>
#include <stddef.h>

#include "gen/layout.h"

#define PAGE_MASK ((uint64_t)PAGE_BYTES - 1)
/* The last page of the address space is left out, so that an end is always representable. */
#define END_LIMIT (~PAGE_MASK)

static unsigned strength(uint32_t type)
{
    static const uint8_t rank[] = {
        [HANDOFF_MEMORY_USABLE] = 1, [HANDOFF_MEMORY_ACPI] = 2,     [HANDOFF_MEMORY_FIRMWARE] = 3,
        [HANDOFF_MEMORY_MMIO] = 4,   [HANDOFF_MEMORY_RESERVED] = 5, [HANDOFF_MEMORY_LOADER] = 6,
        [HANDOFF_MEMORY_KERNEL] = 7, [HANDOFF_MEMORY_IMAGE] = 8,    [HANDOFF_MEMORY_TRACE] = 9,
    };
    return type < sizeof(rank) ? rank[type] : rank[HANDOFF_MEMORY_RESERVED];
}

static uint64_t end_of(const struct handoff_memory *region)
{
    return region->base + region->bytes;
}

/* Whole pages, no wrap. An empty region stays empty, whatever its type. */
static void round_to_pages(struct handoff_memory *region)
{
    uint64_t base = region->base < END_LIMIT ? region->base : END_LIMIT;
    uint64_t end = region->bytes < END_LIMIT - base ? base + region->bytes : END_LIMIT;
    if (region->type == HANDOFF_MEMORY_USABLE) {
        base = base > END_LIMIT - PAGE_BYTES ? END_LIMIT : (base + PAGE_MASK) & ~PAGE_MASK;
        end &= ~PAGE_MASK;
    } else if (end > base) {
        base &= ~PAGE_MASK;
        end = end > END_LIMIT - PAGE_BYTES ? END_LIMIT : (end + PAGE_MASK) & ~PAGE_MASK;
    }
    region->base = base;
    region->bytes = end > base ? end - base : 0;
}

/* Insertion sorts: firmware maps are nearly sorted and have a hundred entries. */
static void sort_regions(struct handoff_memory *regions, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        struct handoff_memory region = regions[i];
        unsigned j = i;
        for (; j > 0 && regions[j - 1].base > region.base; j--) {
            regions[j] = regions[j - 1];
        }
        regions[j] = region;
    }
}

static void sort_edges(uint64_t *edges, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        uint64_t edge = edges[i];
        unsigned j = i;
        for (; j > 0 && edges[j - 1] > edge; j--) {
            edges[j] = edges[j - 1];
        }
        edges[j] = edge;
    }
}

/* The strongest region that covers the stretch from base to the next edge; NULL: a hole. */
static const struct handoff_memory *strongest_at(const struct handoff_memory *regions,
                                                 unsigned count, uint64_t base)
{
    const struct handoff_memory *best = NULL;
    for (unsigned i = 0; i < count && regions[i].base <= base; i++) {
        if (end_of(&regions[i]) > base &&
            (best == NULL || strength(regions[i].type) > strength(best->type))) {
            best = &regions[i];
        }
    }
    return best;
}

/* Remove the smallest usable region to make room. False: there is none. */
static bool drop_smallest_usable(struct handoff_memory *out, unsigned *count, uint64_t *lost_bytes)
{
    unsigned smallest = *count;
    for (unsigned i = 0; i < *count; i++) {
        if (out[i].type == HANDOFF_MEMORY_USABLE &&
            (smallest == *count || out[i].bytes < out[smallest].bytes)) {
            smallest = i;
        }
    }
    if (smallest == *count) {
        return false;
    }
    *lost_bytes += out[smallest].bytes;
    *count -= 1;
    for (unsigned i = smallest; i < *count; i++) {
        out[i] = out[i + 1];
    }
    return true;
}

struct map_writer {
    struct handoff_memory *out;
    unsigned capacity;
    unsigned count;
    uint64_t lost_bytes;
};

static bool write_stretch(struct map_writer *writer, uint64_t base, uint64_t end, uint32_t type)
{
    struct handoff_memory *last = writer->count > 0 ? &writer->out[writer->count - 1] : NULL;
    if (last != NULL && last->type == type && end_of(last) == base) {
        last->bytes += end - base;
        return true;
    }
    if (writer->count == writer->capacity &&
        !drop_smallest_usable(writer->out, &writer->count, &writer->lost_bytes)) {
        if (type == HANDOFF_MEMORY_USABLE) {
            writer->lost_bytes += end - base;
            return true;
        }
        return false;
    }
    writer->out[writer->count++] =
        (struct handoff_memory){.base = base, .bytes = end - base, .type = type};
    return true;
}

status_t memory_map_build(struct handoff_memory *regions, unsigned count, uint64_t *edges,
                          struct handoff_memory *out, unsigned out_capacity, unsigned *out_count,
                          uint64_t *out_lost_bytes)
{
    for (unsigned i = 0; i < count; i++) {
        round_to_pages(&regions[i]);
        edges[2 * i] = regions[i].base;
        edges[2 * i + 1] = end_of(&regions[i]);
    }
    sort_regions(regions, count);
    sort_edges(edges, 2 * count);
    struct map_writer writer = {.out = out, .capacity = out_capacity};
    for (unsigned i = 0; i + 1 < 2 * count; i++) {
        if (edges[i] == edges[i + 1]) {
            continue;
        }
        const struct handoff_memory *region = strongest_at(regions, count, edges[i]);
        if (region != NULL && !write_stretch(&writer, edges[i], edges[i + 1], region->type)) {
            return ERR_TABLE_FULL;
        }
    }
    *out_count = writer.count;
    *out_lost_bytes = writer.lost_bytes;
    return OK;
}

uint64_t memory_map_ram_end(const struct handoff_memory *map, unsigned count)
{
    uint64_t end = 0;
    for (unsigned i = 0; i < count; i++) {
        bool is_ram = map[i].type != HANDOFF_MEMORY_RESERVED && map[i].type != HANDOFF_MEMORY_MMIO;
        if (is_ram && end_of(&map[i]) > end) {
            end = end_of(&map[i]);
        }
    }
    return end;
}

uint64_t memory_map_bytes(const struct handoff_memory *map, unsigned count,
                          enum handoff_memory_type type)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        bytes += map[i].type == type ? map[i].bytes : 0;
    }
    return bytes;
}
