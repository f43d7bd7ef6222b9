/* SPDX-License-Identifier: MIT */
/* Switching events: see switch.h. */
#include "trace/ring/switch.h"

#include "arch/text_patch.h"
#include "gen/trace_emit.h"
#include "gen/trace_table.h"
#include "trace/ring/ring.h"

static uint64_t categories_on;
static struct text_patch_wanted wanted;

static void set_bit(uint64_t *map, unsigned event, bool on)
{
    uint64_t bit = 1ull << event % 64;
    map[event / 64] = on ? map[event / 64] | bit : map[event / 64] & ~bit;
}

static status_t apply(const struct text_patch_wanted *next)
{
    status_t status = text_patch_sites(next);
    if (status == OK) {
        wanted = *next;
    }
    return status;
}

/* Categories that are on and of which no event is filtered: what a reader may reason from. */
static uint64_t complete_categories(void)
{
    uint64_t complete = categories_on;
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        if (wanted.hooked[id / 64] >> id % 64 & 1) {
            complete &= ~(1ull << trace_event_category[id]);
        }
    }
    return complete;
}

status_t trace_categories_set(uint64_t mask)
{
    struct text_patch_wanted next = wanted;
    mask |= TRACE_CATEGORY_TRACE | TRACE_CATEGORY_LIFE;
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        unsigned category = trace_event_category[id];
        set_bit(next.on, id, category != TRACE_CATEGORY_NONE && (mask >> category & 1));
    }
    status_t status = apply(&next);
    if (status == OK) {
        categories_on = mask;
        if (trace_region_get() != NULL) {
            trace_region_get()->categories = mask;
        }
        trace_trace_switched(complete_categories());
    }
    return status;
}

uint64_t trace_categories(void)
{
    return categories_on;
}

status_t trace_switch_hooked(unsigned event, bool hooked)
{
    struct text_patch_wanted next = wanted;
    set_bit(next.hooked, event, hooked);
    status_t status = apply(&next);
    if (status == OK) {
        trace_trace_switched(complete_categories());
    }
    return status;
}

status_t trace_switch_times(bool on)
{
    struct text_patch_wanted next = wanted;
    set_bit(next.on, SITE_TIMES, on);
    return apply(&next);
}
