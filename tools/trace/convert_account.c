/* SPDX-License-Identifier: MIT */
/*
 * The recorder's account of itself, as curves of each lane below "trace health". At the beginning of each sub-buffer:
 *
 *   ring fill      bytes of history that the ring holds: what a snapshot or a reset would leave
 *   unread         bytes of it that the consumer had not taken yet; at the size of the ring events are lost
 *   events lost    since the capture began, whatever the cause
 *
 * and for the sub-buffer as a whole, from its beginning on:
 *
 *   events/s
 *   tracing instructions/s    spent in emitters, at most: what the kernel says a record costs (trace/ring/cost.h)
 */
#include <stdio.h>

#include "convert.h"
#include "perfetto_fields.h"

#define NS_PER_SECOND 1000000000ull

struct curve_kind {
    const char *name;
    unsigned unit;
    const char *scale; /* curves of one have one y axis */
};

static const struct curve_kind kinds[CURVES] = {
    [CURVE_FILL] = {"ring fill", COUNTER_UNIT_BYTES, "ring"},
    [CURVE_UNREAD] = {"unread", COUNTER_UNIT_BYTES, "ring"},
    [CURVE_LOST] = {"events lost", COUNTER_UNIT_COUNT, "events lost"},
    [CURVE_EVENTS] = {"events/s", COUNTER_UNIT_COUNT, "events/s"},
    [CURVE_COST] = {"tracing instructions/s", COUNTER_UNIT_COUNT, "instructions/s"},
};

/* A value from ns on; nothing if it is the one there is. */
static void show(struct convert *convert, unsigned lane, enum curve_id id, uint64_t ns,
                 uint64_t value)
{
    struct curve *curve = &convert->health[lane].curve[id];
    if (curve->track == 0) {
        char name[LANE_NAME_BYTES + 32];
        char lane_name[LANE_NAME_BYTES];
        uint64_t root = health_root(convert);
        snprintf(name, sizeof(name), "%s %s", session_lane_name(convert->session, lane, lane_name),
                 kinds[id].name);
        curve->track = track_new(&convert->perfetto);
        track_describe_counter(&convert->perfetto, convert->perfetto.last_ns, curve->track, root,
                               name, kinds[id].unit, kinds[id].scale);
    } else if (curve->value == value) {
        return;
    }
    curve->value = value;
    track_counter(&convert->perfetto, ns, curve->track, (int64_t)value);
}

static uint64_t count_lost(const struct lane_totals *totals)
{
    uint64_t lost = 0;
    for (unsigned cause = 0; cause < HOLE_CAUSES; cause++) {
        lost += totals->missing[cause];
    }
    for (unsigned cause = 0; cause < TRACE_LOST_CAUSES; cause++) {
        lost += totals->lost[cause];
    }
    return lost;
}

/* What the header of a sub-buffer says. */
static void show_header(struct convert *convert, const struct step *step)
{
    const struct lane *lane = &convert->merge.lane[step->lane];
    uint64_t ns = convert_ns(convert, step->tsc);
    uint64_t ring = convert->session->region.lane[step->lane].ring_bytes;
    show(convert, step->lane, CURVE_FILL, ns, MIN(lane->header.position, ring));
    if (lane->header.unread != 0) {
        uint64_t unread = (lane->header.unread - 1) * (uint64_t)TRACE_SUBBUF_BYTES;
        show(convert, step->lane, CURVE_UNREAD, ns, MIN(unread, ring));
    }
    show(convert, step->lane, CURVE_LOST, ns, count_lost(&lane->totals));
}

/* What came in between two beginnings of sub-buffers, from the first on. */
static void show_rates(struct convert *convert, const struct step *step)
{
    const struct health *health = &convert->health[step->lane];
    uint64_t ns = clock_delta_ns(&convert->session->clock, step->tsc - health->subbuf_tsc);
    if (health->subbuf_tsc < convert->from_tsc || ns == 0) {
        return;
    }
    uint64_t begin = convert_ns(convert, health->subbuf_tsc);
    uint64_t records = convert->merge.lane[step->lane].totals.records - health->subbuf_records;
    show(convert, step->lane, CURVE_EVENTS, begin, records * NS_PER_SECOND / ns);
    if (convert->registry.has_costs) {
        show(convert, step->lane, CURVE_COST, begin,
             convert->trace_cost[step->lane] * NS_PER_SECOND / ns);
    }
}

void account_subbuf(struct convert *convert, const struct step *step)
{
    struct health *health = &convert->health[step->lane];
    if (convert->is_live) {
        show_rates(convert, step);
        show_header(convert, step);
    }
    health->subbuf_tsc = step->tsc;
    health->subbuf_records = convert->merge.lane[step->lane].totals.records;
    convert->trace_cost[step->lane] = 0;
}
