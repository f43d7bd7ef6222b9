/* SPDX-License-Identifier: MIT */
/*
 * Makes captures and memory images out of thin air, as the recorder and its consumer would: for tests, fuzzers and
 * benchmarks of the reader. Not part of spoor-trace.
 */
#pragma once

#include <stdio.h>

#include "schema.h"
#include "trace/format/capture.h"

#define SYNTH_FIELDS_MAX    8
#define SYNTH_META          0u
#define SYNTH_LANE(cpu)     (1u + 2u * (cpu))
#define SYNTH_LANE_NMI(cpu) (2u + 2u * (cpu))

struct synth_lane {
    struct trace_lane control;
    uint8_t *ring; /* ring_bytes */
    uint32_t current;
    bool
        drop_next; /* the sub-buffer under way will not be sent: overwritten before the consumer came */
    uint64_t sent_to; /* position up to which sub-buffers were sent or dropped */
};

struct synth {
    FILE *out;
    struct schema schema;
    struct trace_region region;
    struct synth_lane lane[TRACE_LANES_MAX];
    uint64_t sequence;
    uint64_t dropped;
    uint64_t events;
    uint32_t ring_bytes;
};

/*
 * synth_open() - begin a session: START, SCHEMA and STATUS blocks go out at once.
 *
 * @out      where the capture goes; NULL: nowhere, for images
 * @cpus     1 to CPU_MAX; lanes are meta, then normal and NMI of each core, as the kernel has them
 * @tsc_khz  of the clock; tsc 0 is monotonic 0
 */
void synth_open(struct synth *synth, FILE *out, unsigned cpus, uint64_t tsc_khz);

/* synth_event() - the event of that name; aborts if there is none: tests must not be wrong about names. */
const struct schema_event *synth_event(const struct synth *synth, const char *name);

/*
 * synth_emit() - write a record.
 *
 * @index   of the lane
 * @values  one for each number field, in the order of the schema
 * @text    for an event with a string, else NULL
 */
void synth_emit(struct synth *synth, unsigned index, uint64_t tsc, const struct schema_event *event,
                const uint64_t *values, const char *text);

/* The same with name and values in line: SYNTH(s, lane, tsc, "irq.enter", 0xe0). */
#define SYNTH(synth, lane, tsc, name, ...)                                                         \
    synth_emit(synth, lane, tsc, synth_event(synth, name), (const uint64_t[]){__VA_ARGS__}, NULL)
#define SYNTH_TEXT(synth, lane, tsc, name, text, ...)                                              \
    synth_emit(synth, lane, tsc, synth_event(synth, name), (const uint64_t[]){__VA_ARGS__}, text)

/* synth_switch() - sched.thread.switch on a core; keeps the lane's current thread. state, reason: numbers of the enums. */
void synth_switch(struct synth *synth, unsigned cpu, uint64_t tsc, uint32_t prev, uint32_t next,
                  unsigned state, unsigned reason);

/* synth_set_current() - who runs on a core before the first event. */
void synth_set_current(struct synth *synth, unsigned cpu, uint32_t tid);

/* synth_send_partial() - send what a lane has so far, as a consumer does when asked to hurry; it may be sent again. */
void synth_send_partial(struct synth *synth, unsigned index);

/* synth_lose() - count events as not written, as a keep-oldest lane or a busy NMI lane does. */
void synth_lose(struct synth *synth, unsigned index, enum trace_lost_cause cause, uint64_t count);

/* synth_block() - write a block of any type; the next sequence number is used. */
void synth_block(struct synth *synth, unsigned type, const void *payload, size_t bytes);

/* synth_close() - end the session: unfinished sub-buffers, STATUS, END. The FILE stays open. */
void synth_close(struct synth *synth);

/* synth_write_image() - what the region's memory would hold now. Before synth_close(). */
void synth_write_image(struct synth *synth, FILE *out);
void synth_free(struct synth *synth);

/* ---- synth_work.c ---- */

enum synth_kind { SYNTH_SCHED, SYNTH_MIXED };

/*
 * synth_work() - a plausible workload: about so many events, from a seed. SYNTH_SCHED is half switches, a quarter wake-ups, a
 * quarter interrupts; SYNTH_MIXED has everything.
 */
void synth_work(struct synth *synth, enum synth_kind kind, uint64_t events, uint64_t seed);
