/* SPDX-License-Identifier: MIT */
/* The lanes of the interruption sweep, and what must hold in them (W2 to W4 of sweep.h). */
#pragma once

#include "base/types.h"
#include "trace/ring/layout.h"

#define SWEEP_RING_BYTES  (4 * TRACE_SUBBUF_BYTES)
#define SWEEP_FIELDS_MAX  8u
#define SWEEP_TEXT_BYTES  37u
#define SWEEP_CAUGHT_MAX  512u
#define SWEEP_RECORDS_MAX 2u

/* One record as it must be. */
struct sweep_event {
    unsigned id;
    uint64_t value[SWEEP_FIELDS_MAX];
    char text[8 * ((SWEEP_TEXT_BYTES + 7) / 8)]; /* padded with zeros, as in a record */
};

/* What was found at an interruption. */
struct sweep_catch {
    tsc_t tsc;
    unsigned seen; /* records that a reader could see */
};

struct sweep_run {
    struct sweep_event outer[SWEEP_RECORDS_MAX], inner;
    unsigned
        records; /* of outer, one after the other, end up in the normal lane: none in a hook that refuses or counts */
    struct trace_lane normal, nmi;
    uint64_t start; /* position of the normal lane before */
    tsc_t before, after;
    unsigned caught; /* interruptions */
    unsigned nested; /* of which were interrupted themselves */
    struct sweep_catch at[SWEEP_CAUGHT_MAX];
};

/*
 * sweep_lanes_prepare() - empty lanes over 2 * SWEEP_RING_BYTES at memory, which are those of the
 * run before, or run is zero; the normal one has `room` bytes left in its sub-buffer. Context: any.
 */
void sweep_lanes_prepare(struct sweep_run *run, void *memory, unsigned cpu, unsigned room);

/* sweep_record_words() - header and payload of an event's record. */
unsigned sweep_record_words(unsigned event);

/* sweep_check_seen() - W2, from within an interruption. sweep_check() - W3 and W4, afterwards. NULL: they hold. */
const char *sweep_check_seen(const struct sweep_run *run, unsigned *out_seen);
const char *sweep_check(const struct sweep_run *run);
