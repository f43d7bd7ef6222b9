/* SPDX-License-Identifier: MIT */
/* See lanes.h. Fields are compared by the decode tables, which do not come from the emitters' code. */
#include "trace/sweep/lanes.h"

#include "arch/cpu.h"
#include "base/string.h"
#include "gen/trace_table.h"
#include "trace/ring/write.h"

#define TIME_MASK ((1ull << TRACE_TIME_BITS) - 1)

/* ---- Lanes --------------------------------------------------------------------------------- */

static void fill(struct trace_lane *lane, uint64_t *at, uint64_t words, tsc_t now)
{
    while (words > 0) {
        uint64_t payload = MIN(words - 1, (uint64_t)TRACE_WORDS_MAX);
        *at = now << TRACE_TIME_SHIFT | payload << TRACE_WORDS_SHIFT | TRACE_EVENT_TRACE_PAD;
        at += 1 + payload;
        lane->position += 8 * (1 + payload);
        words -= 1 + payload;
    }
}

/* What the run before has written must not pass for what this one writes. */
static void wipe(const struct trace_lane *lane, char *ring, uint64_t from)
{
    uint64_t end = MIN(lane->position + 8 * (1 + TRACE_WORDS_MAX), (uint64_t)SWEEP_RING_BYTES);
    memset(ring + from, 0, lane->mask == 0 ? SWEEP_RING_BYTES - from : end - from);
}

/* A first sub-buffer that has been begun. */
static void prepare(struct trace_lane *lane, void *ring, unsigned cpu, enum trace_lane_kind kind)
{
    *lane = (struct trace_lane){
        .position = sizeof(struct trace_subbuf),
        .limit = TRACE_SUBBUF_BYTES,
        .room = TRACE_SUBBUF_BYTES - 8 * TRACE_WRITE_WORDS_MAX,
        .window = (uint64_t)ring,
        .base = (uint64_t)ring,
        .mask = SWEEP_RING_BYTES - 1,
        .cpu = (uint16_t)cpu,
        .kind = (uint16_t)kind,
        .last_tsc = cpu_tsc(),
    };
    *(struct trace_subbuf *)ring =
        (struct trace_subbuf){.magic = TRACE_SUBBUF_MAGIC, .tsc = lane->last_tsc};
}

void sweep_lanes_prepare(struct sweep_run *run, void *memory, unsigned cpu, unsigned room)
{
    char *rings = memory;
    wipe(&run->normal, rings, run->start);
    wipe(&run->nmi, rings + SWEEP_RING_BYTES, 0);
    prepare(&run->normal, rings, cpu, TRACE_LANE_NORMAL);
    prepare(&run->nmi, rings + SWEEP_RING_BYTES, cpu, TRACE_LANE_NMI);
    uint64_t gap = run->normal.limit - run->normal.position - room;
    fill(&run->normal, (uint64_t *)(rings + run->normal.position), gap / 8, run->normal.last_tsc);
    run->start = run->normal.position;
    run->caught = run->nested = 0;
}

/* ---- One record ---------------------------------------------------------------------------- */

unsigned sweep_record_words(unsigned event)
{
    const struct trace_event_info *info = trace_event_info(event);
    unsigned text = info->flags & TRACE_INFO_STRING ? (SWEEP_TEXT_BYTES + 7) / 8 : 0;
    return 1 + info->words + text;
}

static const char *check_record(const struct sweep_event *event, const uint64_t *record)
{
    const struct trace_event_info *info = trace_event_info(event->id);
    if (TRACE_EVENT(record[0]) != event->id) {
        return "W3: a record of another event";
    }
    if (1 + TRACE_WORDS(record[0]) != sweep_record_words(event->id)) {
        return "W3: the length of a record";
    }
    for (unsigned i = 0; i < info->fields; i++) {
        const struct trace_field *field = &info->field[i];
        if (field->bits == 0) {
            if (memcmp(&record[field->word], event->text, sizeof(event->text)) != 0) {
                return "W3: the text of a record";
            }
        } else if ((trace_field_value(field, record) ^ event->value[i]) << (64u - field->bits)) {
            return "W3: a field of a record";
        }
    }
    return NULL;
}

/* Ticks from the beginning of the run; huge: before it. */
static uint64_t age(const struct sweep_run *run, uint64_t time)
{
    return (time - run->before) & TIME_MASK;
}

/* ---- A lane as a reader finds it ----------------------------------------------------------- */

struct walk {
    uint64_t records;                /* seen */
    uint64_t events;                 /* before those */
    uint64_t latest;                 /* age of the last one */
    uint64_t age[SWEEP_RECORDS_MAX]; /* of the first ones */
};

/* Times in the order of the records and up to now, counts as the headers of sub-buffers say. */
static const char *walk(const struct sweep_run *run, const struct trace_lane *lane,
                        const struct sweep_event *expected, unsigned kinds, tsc_t now,
                        struct walk *out)
{
    uint64_t oldest = trace_oldest_intact(lane->position, SWEEP_RING_BYTES);
    uint64_t at = oldest;
    *out = (struct walk){.records = 0};
    while (at < lane->position) {
        const uint64_t *record = (const uint64_t *)(lane->base + (at & lane->mask));
        if (at % TRACE_SUBBUF_BYTES == 0) {
            const struct trace_subbuf *head = (const struct trace_subbuf *)record;
            if (head->magic != TRACE_SUBBUF_MAGIC || (at != 0 && head->position != at)) {
                return "W3: the header of a sub-buffer";
            }
            out->events = at == oldest ? head->first_event : out->events;
            if (head->first_event != out->events + out->records) {
                return "W3: first_event of a sub-buffer";
            }
            at += sizeof(*head);
            continue;
        }
        if (TRACE_EVENT(record[0]) != TRACE_EVENT_TRACE_PAD) {
            const char *wrong = check_record(&expected[out->records % kinds], record);
            if (wrong != NULL) {
                return wrong;
            }
            uint64_t time = age(run, TRACE_TIME(record[0]));
            if (time < out->latest || time > now - run->before) {
                return "W4: the time of a record";
            }
            out->latest = time;
            if (out->records < SWEEP_RECORDS_MAX) {
                out->age[out->records] = time;
            }
            out->records++;
        }
        at += 8 * (1 + TRACE_WORDS(record[0]));
    }
    return at == lane->position ? NULL : "W3: records end behind the position";
}

static const char *walk_outer(const struct sweep_run *run, tsc_t now, struct walk *out)
{
    return walk(run, &run->normal, run->outer, MAX(run->records, 1u), now, out);
}

const char *sweep_check_seen(const struct sweep_run *run, unsigned *out_seen)
{
    struct walk seen;
    const char *wrong = walk_outer(run, cpu_tsc(), &seen);
    *out_seen = (unsigned)seen.records;
    return wrong == NULL && seen.records > run->records ? "W2: a record twice" : wrong;
}

const char *sweep_check(const struct sweep_run *run)
{
    struct walk outer, inner;
    const char *wrong = walk_outer(run, run->after, &outer);
    wrong = wrong == NULL ? walk(run, &run->nmi, &run->inner, 1, run->after, &inner) : wrong;
    if (wrong != NULL) {
        return wrong;
    }
    if (outer.records != run->records || run->normal.events != outer.records) {
        return "W3: the record is not there once";
    }
    if (inner.events + inner.records != run->caught || run->nmi.events != run->caught) {
        return "W3: the number of events of the NMI lane";
    }
    if (run->nmi.lost[TRACE_LOST_NESTED] != run->nested) {
        return "W3: the number of losses";
    }
    for (unsigned i = 0; i < run->caught; i++) {
        unsigned seen = MIN(run->at[i].seen, run->records);
        if (seen != 0 && outer.age[seen - 1] > age(run, run->at[i].tsc & TIME_MASK)) {
            return "W4: a record that was seen is younger than who saw it";
        }
    }
    return NULL;
}
