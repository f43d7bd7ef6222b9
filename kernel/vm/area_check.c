/* SPDX-License-Identifier: MIT */
/* Verifies A2 of area.c and O3 of pager.c: the counts of an area are those of its index. */
#include "base/format.h"
#include "vm/area_impl.h"

struct area_counts {
    uint64_t resident, out;
};

static void count_node(const struct area *area, const uint64_t *node, unsigned level,
                       struct area_counts *counts)
{
    unsigned entries = level == 0 ? area->lowest_entries : AREA_NODE_ENTRIES;
    for (unsigned i = 0; i < entries; i++) {
        if (node[i] == 0) {
            continue;
        }
        if (level == 0) {
            counts->resident += !area_is_out(node[i]);
            counts->out += area_is_out(node[i]);
        } else if (node[i] & AREA_LARGE) {
            counts->resident += AREA_NODE_ENTRIES;
        } else {
            count_node(area, (const uint64_t *)node[i], level - 1, counts);
        }
    }
}

bool area_check(const struct area *area, char *why, size_t bytes)
{
    struct area_counts counts = {0};
    if (area->kind != AREA_ANONYMOUS) {
        return true;
    }
    if (area->index != NULL) {
        count_node(area, area->index, area->levels - 1, &counts);
    }
    if (counts.resident != area->resident) {
        format_text(why, bytes, "A2: area %u has %llu pages and counts %llu", area->object.id,
                    (unsigned long long)counts.resident, (unsigned long long)area->resident);
        return false;
    }
    if (counts.out != area->paged_out || (counts.out != 0 && area->pager == NULL)) {
        format_text(why, bytes, "O3: area %u has %llu pages out and counts %llu", area->object.id,
                    (unsigned long long)counts.out, (unsigned long long)area->paged_out);
        return false;
    }
    return true;
}
