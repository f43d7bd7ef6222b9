/* SPDX-License-Identifier: MIT */
/*
 * One lane read in order: its records with full time, and between them what happened to the lane itself.
 *
 * A lane gives this sequence of steps; tsc never falls from one to the next (I1):
 *
 *     BEGIN  RECORD* (SUBBUF RECORD*)*  [HOLE BEGIN RECORD* (SUBBUF RECORD*)*]*  [HOLE]
 *
 *   BEGIN   reading starts, at the very start or behind a hole. current: the thread that runs there.
 *   SUBBUF  the next sub-buffer begins and nothing is missing in between.
 *   HOLE    where knowledge ends; the lane's hole member says what is missing until the next BEGIN. Also at the end of a
 *           lane that went on after it was read for the last time.
 */
#pragma once

#include "session.h"

enum step_kind { STEP_RECORD, STEP_BEGIN, STEP_SUBBUF, STEP_HOLE, STEP_END };

enum hole_cause {
    HOLE_OVERWRITTEN, /* the ring went round before the consumer came */
    HOLE_DAMAGED,     /* the file lacks blocks here, or a sub-buffer is broken inside */
    HOLE_VERDICT,     /* the sub-buffer was overwritten while it was sent */
    HOLE_UNSENT,      /* the rest of an unfinished sub-buffer was not sent */
    HOLE_CAUSES,
};

const char *hole_cause_name(enum hole_cause cause);

struct lane_hole {
    bool is_end; /* the lane goes on, but nothing of it was sent any more: no BEGIN follows */
    enum hole_cause cause;
    uint64_t events; /* missing, exactly */
    uint64_t from_tsc;
    uint64_t to_tsc;
};

struct step {
    uint64_t tsc;
    const uint64_t *record; /* of RECORD: header, payload; of BEGIN and SUBBUF: NULL */
    uint32_t id;            /* of RECORD: event id, always in the schema and of the right length */
    uint16_t cpu;
    uint8_t kind;      /* enum step_kind */
    uint8_t lane_kind; /* enum trace_lane_kind */
    uint32_t lane;
    uint32_t current; /* of BEGIN and SUBBUF: tid that runs on the core */
};

/* Totals of one lane, complete when STEP_END is reached. */
struct lane_totals {
    uint64_t records; /* delivered, pads left out; with those that could not be decoded */
    uint64_t unknown; /* of these: of no known event, or of a wrong length */
    uint64_t bytes;   /* of records, with headers */
    uint64_t before;  /* events of the lane before the first sub-buffer */
    uint64_t missing[HOLE_CAUSES];
    uint64_t holes;
    uint64_t lost[TRACE_LOST_CAUSES]; /* counters of the last sub-buffer header */
    uint64_t next_event; /* number that the next event after the last record would have */
    uint64_t first_tsc;
    uint64_t last_tsc;
};

struct lane {
    struct step step; /* the step the lane stands at */
    /* the sub-buffer in memory */
    const uint64_t *at; /* next record */
    const uint64_t *end;
    uint64_t time;      /* of the last record or header */
    uint64_t records;   /* in this sub-buffer so far; totals get them when it is left */
    uint64_t pad_bytes; /* likewise */
    struct lane_totals totals;
    struct lane_hole hole;
    bool hole_pending; /* a HOLE was given: BEGIN comes next */
    bool broken;       /* the sub-buffer was left before its end */
    size_t next_entry;
    unsigned index;
    const struct session *session;
    const struct session_lane *place;
    struct finding_list *findings;
    const uint8_t *words; /* by event id: payload words, or LANE_WORDS_* */
    unsigned sync_id;
    unsigned switch_id;
    struct field_ref switch_prev;
    struct trace_subbuf header; /* of the sub-buffer in memory */
    uint64_t *buffer;           /* TRACE_SUBBUF_BYTES + room for the reads behind a short record */
};

/*
 * lane_open() - stand at the first step of a lane.
 *
 * @findings  where breaches of record, time and conservation rules go; NULL: nowhere
 */
void lane_open(struct lane *lane, const struct session *session, unsigned index,
               struct finding_list *findings);

/* lane_advance() - go to the next step. At STEP_END it stays. */
void lane_advance(struct lane *lane);

/* In lane.words: the record's length says little, or the event wants a closer look; lane_advance() knows. */
#define LANE_WORDS_SPECIAL 0xffu

/*
 * lane_advance_fast() - the same for the common case, about 25 instructions: a record of fixed length follows.
 *
 * Returns false, having done nothing, if it is another case: call lane_advance().
 */
static inline bool lane_advance_fast(struct lane *lane)
{
    const uint64_t *record = lane->at;
    if (UNLIKELY(record >= lane->end)) {
        return false;
    }
    uint64_t header = *record;
    const uint64_t *next = record + 1 + TRACE_WORDS(header);
    int64_t ticks = (int64_t)((header >> TRACE_TIME_SHIFT << TRACE_TIME_SHIFT) -
                              (lane->time << TRACE_TIME_SHIFT));
    if (UNLIKELY(ticks < 0 || next > lane->end ||
                 lane->words[TRACE_EVENT(header)] != TRACE_WORDS(header))) {
        return false;
    }
    lane->at = next;
    lane->time += (uint64_t)ticks >> TRACE_TIME_SHIFT;
    lane->records++;
    lane->step.kind = STEP_RECORD;
    lane->step.tsc = lane->time;
    lane->step.record = record;
    lane->step.id = TRACE_EVENT(header);
    return true;
}

void lane_close(struct lane *lane);
