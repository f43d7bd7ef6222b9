/* SPDX-License-Identifier: MIT */
/*
 * Verifies A2 and A3 of area.c, O1, O3 and O4 of pager.c, and Z2 of area_freeze.c: the counts of an area are those of its index, its
 * frames are in use, and each walk along its mappings has one of them pinned.
 */
#include "base/format.h"
#include "mm/frame.h"
#include "vm/space_impl.h"

struct area_counts {
    uint64_t resident, out, leaving;
    paddr_t lost; /* a frame that is not in use; 0: none */
    bool is_odd;  /* an entry is in no state of O1 */
};

/* A3, as far as one area can tell. */
static void count_frame(paddr_t pa, unsigned order, struct area_counts *counts)
{
    counts->resident += 1ull << order;
    if (!frame_is_used(pa, order)) {
        counts->lost = pa;
    }
}

static void count_node(const struct area *area, const uint64_t *node, unsigned level,
                       struct area_counts *counts)
{
    unsigned entries = level == 0 ? area->lowest_entries : AREA_NODE_ENTRIES;
    for (unsigned i = 0; i < entries; i++) {
        if (node[i] == 0) {
            continue;
        }
        if (level == 0 && area_is_out(node[i])) {
            counts->out++;
        } else if (level == 0) {
            counts->leaving += (node[i] & AREA_TAGS) == AREA_TAGS;
            counts->is_odd |= (node[i] & AREA_TAGS) == AREA_LEAVING;
            count_frame(area_leaving_frame(node[i]), 0, counts);
        } else if (node[i] & AREA_LARGE) {
            count_frame(node[i] & ~AREA_LARGE, AREA_NODE_BITS, counts);
        } else {
            count_node(area, (const uint64_t *)node[i], level - 1, counts);
        }
    }
}

static unsigned count_pins(const struct area *area)
{
    unsigned pins = 0;
    list_for_each (node, &area->mappings) {
        pins += LIST_ENTRY(node, struct mapping, area_link)->pins;
    }
    return pins;
}

bool area_check(const struct area *area, char *why, size_t bytes)
{
    struct area_counts counts = {0};
    if (count_pins(area) != area->walks) {
        format_text(why, bytes, "Z2: area %u has %u walks and %u pins", area->object.id,
                    area->walks, count_pins(area));
        return false;
    }
    if (area->kind != AREA_ANONYMOUS) {
        return true;
    }
    if (area->index != NULL) {
        count_node(area, area->index, area->levels - 1, &counts);
    }
    if (counts.is_odd) {
        format_text(why, bytes, "O1: area %u has a page that is leaving and here", area->object.id);
        return false;
    }
    if (counts.out + counts.leaving != 0 && area->pager == NULL) {
        format_text(why, bytes, "O4: area %u has pages with no pager", area->object.id);
        return false;
    }
    if (counts.resident != area->resident) {
        format_text(why, bytes, "A2: area %u has %llu pages and counts %llu", area->object.id,
                    (unsigned long long)counts.resident, (unsigned long long)area->resident);
        return false;
    }
    if (counts.lost != 0) {
        format_text(why, bytes, "A3: area %u has frame 0x%llx, which is not in use",
                    area->object.id, (unsigned long long)counts.lost);
        return false;
    }
    if (counts.out != area->paged_out) {
        format_text(why, bytes, "O3: area %u has %llu pages out and counts %llu", area->object.id,
                    (unsigned long long)counts.out, (unsigned long long)area->paged_out);
        return false;
    }
    return true;
}
