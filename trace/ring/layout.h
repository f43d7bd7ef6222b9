/* SPDX-License-Identifier: MIT */
/*
 * The trace region: what lies where in memory. Shared by the recorder, kdebug, user-space consumers and the host tools.
 *
 *   page 0    struct trace_region                    who wrote this, clock, table of lanes
 *   page 1    struct trace_lane [lane_count]         one control block of 128 bytes per lane
 *   ...       the rings, each 2^n bytes, page aligned
 *
 * A ring is cut into sub-buffers of TRACE_SUBBUF_BYTES. A record never crosses a sub-buffer: the rest is filled with one or more
 * pad records. Each sub-buffer starts with struct trace_subbuf, so it decodes alone.
 *
 * position is free-running: bytes since start; position & (ring_bytes - 1) is the place in the ring. It is stored last and
 * thereby commits: everything below it is complete. Store order of a record: payload, header, position.
 *
 * What a reader may believe, with p = position read *after* the bytes were copied: the sub-buffer being written starts at
 * n = (p - 1) rounded down, and the writer fills in the header of the next one, at n + TRACE_SUBBUF_BYTES, before it moves p
 * there. In the ring that header lies where the sub-buffer of one ring earlier began. So those whose start s satisfies
 *     s + ring_bytes >= n + 2 * TRACE_SUBBUF_BYTES
 * are whole, and trace_oldest_intact() gives the first. (p - 1, because a record may end exactly where its sub-buffer does: then
 * p is the start of one that has not been begun.) A meta lane keeps the oldest and is never overwritten. A normal lane that keeps its
 * oldest stops one sub-buffer before its end, so that the rule holds for it as it stands.
 *
 * L1  A lane has one producer: the context kind it belongs to on its core. Meta: whoever holds its lock.
 * L2  The clock is read between reserve and commit, so time order is record order within a lane.
 * L3  events counts every record but pads; trace_subbuf.first_event is its value at the start of the sub-buffer. Hence
 *     events lost by overwriting between two sub-buffers = b.first_event - (a.first_event + records in a), exactly.
 * L4  The recorder's account of itself stands in the header of each sub-buffer, as it was when that was begun, so it costs no record
 *     anything: position tells how full the ring is, first_event and lost what is missing, unread how far the consumer is behind.
 * L5  What could not be written is told where it is missing: trace.lost, with the times of the first and the last, is the next
 *     record of its lane. A lane that keeps its oldest records and is full has no next one: its control block tells.
 * L6  The rings of normal lanes can be made anew, of another size, while no emitter is at work (trace_rings_lay()). Positions and
 *     counts go on, so that what is gone counts as overwritten; trace_lane_place says from where on there is anything.
 */
#pragma once

#include <stdint.h>

#include "gen/layout.h"

#define TRACE_REGION_MAGIC   0x6e6f69676552ull /* "Region" */
#define TRACE_SUBBUF_MAGIC   0x46425553u       /* "SUBF" */
#define TRACE_REGION_VERSION 3u

#define TRACE_SUBBUF_BYTES 0x4000u
#define TRACE_LANES_MAX    (2 * CPU_MAX + 1)

enum trace_lane_kind {
    TRACE_LANE_NORMAL = 0, /* kernel context with interrupts off */
    TRACE_LANE_NMI = 1,    /* NMI, #MC, #DF, kernel #DB and #BP, kdebug */
    TRACE_LANE_META = 2,   /* names and other rare facts; keeps the oldest */
    /* Those that take nothing (ring.c), and are in no region: */
    TRACE_LANE_NESTED = 0xfffe,
    TRACE_LANE_EXEMPT = 0xffff,
};

enum trace_lost_cause {
    TRACE_LOST_FULL = 0,   /* a keep-oldest lane had no room */
    TRACE_LOST_NESTED = 1, /* a nested emitter found the NMI lane busy */
    TRACE_LOST_CAUSES = 4,
};

/* Header word of a record. */
#define TRACE_EVENT_BITS  9u
#define TRACE_WORDS_BITS  5u
#define TRACE_SMALL_BITS  8u
#define TRACE_TIME_BITS   42u
#define TRACE_WORDS_SHIFT 9u
#define TRACE_SMALL_SHIFT 14u
#define TRACE_TIME_SHIFT  22u
#define TRACE_WORDS_MAX   30u /* payload words */

#define TRACE_EVENT(header) ((unsigned)((header)&0x1ff))
#define TRACE_WORDS(header) ((unsigned)((header) >> TRACE_WORDS_SHIFT & 0x1f))
#define TRACE_SMALL(header) ((unsigned)((header) >> TRACE_SMALL_SHIFT & 0xff))
#define TRACE_TIME(header)  ((uint64_t)(header) >> TRACE_TIME_SHIFT)

struct trace_subbuf {
    uint32_t magic;
    uint16_t cpu;
    uint16_t kind; /* enum trace_lane_kind */
    uint64_t boot_id;
    uint64_t position;    /* of this header, so sequence = position / TRACE_SUBBUF_BYTES */
    uint64_t first_event; /* events of this lane before this sub-buffer */
    uint64_t tsc;         /* full time when it was begun; no record in it is older */
    uint64_t lost[TRACE_LOST_CAUSES]; /* of this lane since start */
    uint32_t current;                 /* tid that runs on this core now, 0 idle */
    uint32_t unread;                  /* 1 + finished sub-buffers not consumed; 0: nobody does */
};

struct trace_lane {
    uint64_t position; /* see above; the commit */
    uint64_t room;     /* a record of up to 4 words fits below this position */
    uint64_t window;   /* position + window: where that is, within the current sub-buffer */
    uint64_t events;
    uint64_t limit; /* position at which the current sub-buffer ends */
    uint64_t base;  /* kernel address of the ring */
    uint64_t mask;  /* ring_bytes - 1 */
    uint64_t lost[TRACE_LOST_CAUSES];
    uint64_t lost_first_tsc; /* of those that are untold; of a lane that keeps its oldest: of all */
    uint64_t lost_last_tsc;
    uint32_t untold; /* lost events that no record of trace.lost tells of yet (L5) */
    uint16_t cpu;
    uint16_t kind;
    uint64_t
        last_tsc; /* NMI, meta: when the lane was last known not to be silent, see trace_keep_time() */
    uint64_t consumed; /* 1 + position up to which a consumer has everything; 0: nobody consumes */
};

/* trace_oldest_intact() - start of the first sub-buffer that a reader may believe, for a lane that overwrites. */
static inline uint64_t trace_oldest_intact(uint64_t position, uint64_t ring_bytes)
{
    uint64_t written = position == 0 ? 0 : (position - 1) / TRACE_SUBBUF_BYTES * TRACE_SUBBUF_BYTES;
    uint64_t touched_end = written + 2 * TRACE_SUBBUF_BYTES;
    return touched_end <= ring_bytes ? 0 : touched_end - ring_bytes;
}

struct trace_lane_place {
    uint64_t control_offset; /* from the start of the region */
    uint64_t ring_offset;
    uint64_t ring_bytes;
    uint64_t
        first; /* position of the oldest sub-buffer that can be in this ring: it was made then (L6) */
    uint32_t cpu;
    uint32_t kind;
};

/* trace_oldest_in() - the same for any lane, at this position of it. */
static inline uint64_t trace_oldest_in(const struct trace_lane_place *place, uint64_t position)
{
    uint64_t intact =
        place->kind == TRACE_LANE_META ? 0 : trace_oldest_intact(position, place->ring_bytes);
    return intact < place->first ? place->first : intact;
}

struct trace_region {
    uint64_t magic;
    uint32_t version;
    uint32_t lane_count;
    uint32_t cpu_count;
    uint32_t subbuf_bytes;
    uint64_t bytes;
    uint64_t boot_id;
    uint64_t schema_hash;
    uint64_t tsc_khz;
    uint64_t clock_tsc; /* clock_ns of monotonic time passed at this TSC */
    uint64_t clock_ns;
    uint64_t unix_tsc; /* unix_ns of wall-clock time at this TSC; 0 unknown */
    uint64_t unix_ns;
    uint64_t categories; /* now on */
    uint64_t kernel_id;  /* first 8 bytes of the kernel's build id, big endian */
    char version_text[64];
    char cmdline[256];
    struct trace_lane_place lane[TRACE_LANES_MAX];
};

_Static_assert(sizeof(struct trace_subbuf) == 80, "part of the format");
_Static_assert(sizeof(struct trace_lane) == 128, "part of the format");
_Static_assert(sizeof(struct trace_region) <= 0x1000, "one page");
