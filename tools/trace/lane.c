/* SPDX-License-Identifier: MIT */
/*
 * Reading a lane: from sub-buffer to sub-buffer, from record to record.
 *
 * Time. A record carries the low 42 bits of the counter. Within a lane time never falls and after a silence of 2^41 ticks
 * the recorder writes a sync record, which has the whole counter, before anything else. So the difference to the record
 * before, taken as a signed 42-bit number, gives the full time; a negative difference in any other record can only be
 * damage or a broken clock, makes a finding, and is shown as zero. Meta and NMI lanes may be silent for long without a sync
 * record; there a great negative difference is taken as a positive one, so up to 2^42 ticks are understood.
 *
 * Loss. Sub-buffer headers count the events before them (L3 in layout.h). The difference between that count and what was
 * read is the number of events missing in between, exactly, whatever the cause.
 *
 * A record is believed only if it lies inside its sub-buffer, its event is in the schema and its length is right: then
 * every field of it may be read (schema.c, S1 to S3). What cannot be decoded is counted, never guessed.
 */
#include "lane.h"

#include <inttypes.h>
#include <stdlib.h>

#define TIME_MASK      (~0ull << TRACE_TIME_SHIFT)
#define SUBBUF_WORDS   (TRACE_SUBBUF_BYTES / 8)
#define TICKS_MASK     (~0ull >> TRACE_TIME_SHIFT)
#define TICKS_BACK_MAX (1ll << 32) /* no clock of a core is that far behind another's */
#define HEADER_WORDS   (sizeof(struct trace_subbuf) / 8)

static const char *const cause_names[HOLE_CAUSES] = {"overwritten", "damaged",
                                                     "overwritten while sent", "not sent"};

const char *hole_cause_name(enum hole_cause cause)
{
    return cause_names[cause];
}

static uint8_t *make_words_table(const struct schema *schema)
{
    uint8_t *words = xmalloc(SCHEMA_EVENTS_MAX);
    for (unsigned id = 0; id < SCHEMA_EVENTS_MAX; id++) {
        const struct schema_event *event = schema->event[id];
        bool is_plain = event != NULL && !event->has_string && id != 0 &&
                        strcmp(event->name, "trace.sync") != 0;
        words[id] = is_plain ? event->words : LANE_WORDS_SPECIAL;
    }
    return words;
}

static void report(struct lane *lane, enum finding_rule rule, const char *what, uint64_t number)
{
    if (lane->findings == NULL) {
        return;
    }
    char name[LANE_NAME_BYTES];
    finding_add(lane->findings, rule, "%s, position %#" PRIx64 ": %s (%" PRIu64 ")",
                session_lane_name(lane->session, lane->index, name),
                lane->header.position +
                    (uint64_t)((const uint8_t *)lane->at - (const uint8_t *)lane->buffer),
                what, number);
}

/*
 * The thread that ran when the sub-buffer began: the header says so. But the header may be written because a switch needs
 * room, and then name either thread; so a switch that is the first record decides.
 */
static uint32_t find_current(const struct lane *lane)
{
    const uint64_t *first = lane->at;
    bool is_switch = first < lane->end && TRACE_EVENT(*first) == lane->switch_id &&
                     TRACE_WORDS(*first) == lane->words[lane->switch_id] &&
                     first + 1 + TRACE_WORDS(*first) <= lane->end;
    return is_switch ? (uint32_t)field_get(&lane->switch_prev, first) : lane->header.current;
}

/* Load entry next_entry. The index guarantees bytes >= sizeof(header). A file that shrank meanwhile reads as zeroes. */
static void load_entry(struct lane *lane)
{
    const struct subbuf_entry *entry = &lane->place->entry[lane->next_entry++];
    size_t bytes = entry->bytes & ~7u;
    size_t got = input_read(lane->session->input, entry->offset, lane->buffer, bytes);
    memset((uint8_t *)lane->buffer + got, 0, bytes - got);
    memcpy(&lane->header, lane->buffer, sizeof(lane->header));
    lane->at = lane->buffer + HEADER_WORDS;
    lane->end = lane->buffer + bytes / 8;
    lane->records = 0;
    lane->pad_bytes = 0;
    lane->broken = false;
    if (entry->tsc < lane->time) {
        report(lane, FINDING_TIME, "the sub-buffer begins before the last record; ticks",
               lane->time - entry->tsc);
    } else {
        lane->time = entry->tsc;
    }
    if (lane->time >
        2 * TSC_MAX) { /* only absurd steps of time lead here; a sub-buffer cannot add more than 2^53 ticks */
        report(lane, FINDING_TIME, "the sub-buffer comes at an impossible time", lane->time);
        lane->end = lane->at;
    }
    for (unsigned i = 0; i < TRACE_LOST_CAUSES; i++) {
        lane->totals.lost[i] = MAX(lane->totals.lost[i], lane->header.lost[i]);
    }
}

static void set_step(struct lane *lane, enum step_kind kind)
{
    lane->step.kind = (uint8_t)kind;
    lane->step.tsc = lane->time;
    lane->step.record = NULL;
    lane->step.id = SCHEMA_NO_EVENT;
}

static void begin(struct lane *lane, enum step_kind kind)
{
    set_step(lane, kind);
    lane->step.current = find_current(lane);
    if (kind == STEP_BEGIN) {
        lane->totals.next_event = lane->header.first_event;
    }
}

static enum hole_cause judge_hole(const struct lane *lane, const struct subbuf_entry *before,
                                  const struct subbuf_entry *after)
{
    if (lane->broken || after->damage_before) {
        return HOLE_DAMAGED;
    }
    if (after->position == before->position + TRACE_SUBBUF_BYTES) {
        return before->complete ? HOLE_DAMAGED : HOLE_UNSENT;
    }
    return lane->place->verdicts != 0 ? HOLE_VERDICT : HOLE_OVERWRITTEN;
}

/* There is no further sub-buffer: does that mean that nothing more happened? */
static void finish(struct lane *lane)
{
    if (lane->place->open_end_tsc == LANE_COMPLETE) {
        set_step(lane, STEP_END);
        return;
    }
    const struct trace_lane *status = &lane->place->last_status;
    uint64_t next = lane->totals.next_event;
    bool is_counted = lane->session->has_final_status && status->events > next;
    uint64_t written = lane->totals.lost[TRACE_LOST_FULL]; /* when the last sub-buffer was begun */
    uint64_t refused = lane->session->has_final_status && status->lost[TRACE_LOST_FULL] > written
                           ? status->lost[TRACE_LOST_FULL] - written
                           : 0;
    lane->time = MAX(lane->time, lane->place->open_end_tsc);
    lane->hole = (struct lane_hole){.is_end = true,
                                    .cause = HOLE_UNSENT,
                                    .events = (is_counted ? status->events - next : 0) + refused,
                                    .from_tsc = lane->time,
                                    .to_tsc = lane->time};
    set_step(lane, STEP_HOLE);
}

/* The sub-buffer in memory is used up: is the next one its successor, or is there a hole? */
static void cross(struct lane *lane)
{
    lane->totals.next_event = lane->header.first_event + lane->records;
    lane->totals.records += lane->records;
    lane->totals.bytes += (uint64_t)((const uint8_t *)lane->at - (const uint8_t *)lane->buffer) -
                          sizeof(lane->header) - lane->pad_bytes;
    lane->totals.last_tsc = lane->time;
    if (lane->next_entry == lane->place->entries) {
        finish(lane);
        return;
    }
    const struct subbuf_entry *before = &lane->place->entry[lane->next_entry - 1];
    const struct subbuf_entry *after = &lane->place->entry[lane->next_entry];
    struct trace_subbuf header = {0};
    input_read(lane->session->input, after->offset, &header, sizeof(header));
    int64_t missing = (int64_t)(header.first_event - lane->totals.next_event);
    bool adjacent = after->position == before->position + TRACE_SUBBUF_BYTES;
    if (missing < 0) {
        report(lane, FINDING_CONSERVATION, "more records than the next sub-buffer counts; records",
               0 - (uint64_t)missing);
        missing = 0;
    }
    if (adjacent && missing != 0 && before->complete && !lane->broken) {
        report(lane, FINDING_CONSERVATION,
               "events are missing between two sub-buffers that follow each other",
               (uint64_t)missing);
    }
    bool was_full = header.lost[TRACE_LOST_FULL] > lane->header.lost[TRACE_LOST_FULL];
    if (adjacent && missing == 0 && !was_full) {
        load_entry(lane);
        begin(lane, STEP_SUBBUF);
        return;
    }
    lane->hole = (struct lane_hole){.cause = judge_hole(lane, before, after),
                                    .events = (uint64_t)missing,
                                    .from_tsc = lane->time,
                                    .to_tsc = MAX(after->tsc, lane->time)};
    lane->totals.missing[lane->hole.cause] += (uint64_t)missing;
    lane->totals.holes++;
    lane->hole_pending = true;
    set_step(lane, STEP_HOLE);
}

static void leave_broken(struct lane *lane, const char *what, uint64_t number)
{
    report(lane, FINDING_RECORD, what, number);
    lane->broken = true;
    lane->end = lane->at;
}

/* The whole time that a sync record carries; 0 if it is none, or disagrees with its header, or lies before the last. */
static COLD uint64_t sync_time(const struct lane *lane, const uint64_t *record)
{
    bool is_sync = TRACE_EVENT(*record) == lane->sync_id && TRACE_WORDS(*record) == 1;
    bool agrees = is_sync && record[1] >= lane->time && record[1] <= TSC_MAX &&
                  record[1] << TRACE_TIME_SHIFT == (*record & TIME_MASK);
    return agrees ? record[1] : 0;
}

/* The difference to the record before is negative: either a sync record ends a long silence, or something is wrong. */
static COLD void take_odd_time(struct lane *lane, const uint64_t *record, int64_t ticks)
{
    uint64_t time = sync_time(lane, record);
    bool is_sparse = lane->place->kind != TRACE_LANE_NORMAL;
    if (time != 0) {
        lane->time = time;
    } else if (is_sparse && ticks < -TICKS_BACK_MAX) {
        lane->time += (uint64_t)ticks & TICKS_MASK;
    } else {
        report(lane, FINDING_TIME, "time goes back; ticks", 0 - (uint64_t)ticks);
    }
}

/* The sub-buffer in memory is used up. */
static void leave_subbuf(struct lane *lane)
{
    if (lane->step.kind == STEP_END) {
        return;
    }
    if (lane->hole.is_end) {
        set_step(lane, STEP_END);
        return;
    }
    if (lane->hole_pending) {
        lane->hole_pending = false;
        load_entry(lane);
        begin(lane, STEP_BEGIN);
        return;
    }
    cross(lane);
}

static bool is_readable(struct lane *lane, const uint64_t *record)
{
    unsigned id = TRACE_EVENT(*record);
    const struct schema_event *event = lane->session->schema.event[id];
    if (event != NULL && schema_record_fits(event, TRACE_WORDS(*record))) {
        return true;
    }
    lane->totals.unknown++;
    report(lane, FINDING_RECORD,
           event == NULL ? "a record of no known event; id"
                         : "a record of a wrong length; event id",
           id);
    return false;
}

/* One record of any kind. Returns false if it is not to be shown. */
static bool take_record(struct lane *lane)
{
    const uint64_t *record = lane->at;
    unsigned words = TRACE_WORDS(*record);
    if (words > TRACE_WORDS_MAX || record + 1 + words > lane->end) {
        leave_broken(lane, "a record runs out of its sub-buffer; words", words);
        return false;
    }
    lane->at = record + 1 + words;
    if (TRACE_EVENT(*record) == 0) {
        lane->pad_bytes += 8 * (1 + words);
        return false;
    }
    lane->records++;
    int64_t ticks =
        (int64_t)((*record & TIME_MASK) - (lane->time << TRACE_TIME_SHIFT)) >> TRACE_TIME_SHIFT;
    if (ticks < 0) {
        take_odd_time(lane, record, ticks);
    } else {
        lane->time += (uint64_t)ticks;
    }
    lane->time = MAX(lane->time, sync_time(lane, record));
    if (!is_readable(lane, record)) {
        return false;
    }
    set_step(lane, STEP_RECORD);
    lane->step.record = record;
    lane->step.id = TRACE_EVENT(*record);
    return true;
}

void lane_advance(struct lane *lane)
{
    while (lane->at < lane->end) {
        if (take_record(lane)) {
            return;
        }
    }
    leave_subbuf(lane);
}

void lane_open(struct lane *lane, const struct session *session, unsigned index,
               struct finding_list *findings)
{
    memset(lane, 0, sizeof(*lane));
    lane->session = session;
    lane->place = &session->lane[index];
    lane->index = index;
    lane->findings = findings;
    lane->step.cpu = lane->place->cpu;
    lane->step.lane = index;
    lane->step.lane_kind = (uint8_t)lane->place->kind;
    lane->words = make_words_table(&session->schema);
    lane->sync_id = schema_event_id(&session->schema, "trace.sync");
    lane->switch_id = schema_event_id(&session->schema, "sched.thread.switch");
    lane->switch_prev = schema_field_ref(&session->schema, "sched.thread.switch", "prev");
    if (lane->place->entries == 0) {
        set_step(lane, STEP_END);
        return;
    }
    /* Field reads of a string event touch one word past a record without one. */
    lane->buffer = xcalloc(SUBBUF_WORDS + 1, 8);
    load_entry(lane);
    lane->totals.before = lane->header.first_event;
    lane->totals.first_tsc = lane->time;
    begin(lane, STEP_BEGIN);
}

void lane_close(struct lane *lane)
{
    free((void *)lane->words);
    free(lane->buffer);
    memset(lane, 0, sizeof(*lane));
}
