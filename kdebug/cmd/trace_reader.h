/* SPDX-License-Identifier: MIT */
/*
 * Reading the trace rings of the target, where they are, without changing them.
 *
 * Layout and what may be believed: trace/ring/layout.h. A core that is missing from the stop may
 * go on writing its lanes; what it overwrites meanwhile fails the checks of the sub-buffer and is
 * left out.
 */
#pragma once

#include "base/types.h"
#include "trace/ring/layout.h"

struct kd_lane {
    unsigned index;
    uint32_t cpu, kind;
    vaddr_t ring;
    uint64_t ring_bytes;
    uint64_t oldest; /* start of the first sub-buffer that can be believed */
    struct trace_lane control;
};

/* One record, in its sub-buffer. */
struct kd_record {
    const uint64_t *words; /* header first */
    uint64_t tsc;          /* full time */
    uint64_t position;     /* in its lane */
    uint32_t current;      /* tid that ran on the core then */
    uint32_t cpu;
};

/* kd_region_read() - the region's head; ends the command if there is none. Returns its address in
 * the target. */
vaddr_t kd_region_read(struct trace_region *out);

/* kd_region_of() - the same, or that of the boot before. */
vaddr_t kd_region_of(bool previous, struct trace_region *out);

/* kd_lane_open() - lane number index. False: it has no ring, or its control block makes no sense.
 * */
bool kd_lane_open(vaddr_t address, const struct trace_region *region, unsigned index,
                  struct kd_lane *out);

/*
 * kd_lane_oldest() / kd_lane_newest() - start positions of the oldest and newest sub-buffer that
 * may be believed. False: nothing has been written.
 */
bool kd_lane_span(const struct kd_lane *lane, uint64_t *out_oldest, uint64_t *out_newest);

/*
 * kd_subbuf_read() - copy the committed bytes of a sub-buffer.
 *
 * @to  TRACE_SUBBUF_BYTES
 * Returns their number, 0 if its header is not the one that belongs there.
 */
size_t kd_subbuf_read(const struct kd_lane *lane, uint64_t start, uint64_t *to);

/* kd_subbuf_each() - visit the records of a sub-buffer, padding left out, until visit returns
 * false. Stops at a damaged record. */
void kd_subbuf_each(const uint64_t *subbuf, size_t bytes,
                    bool (*visit)(const struct kd_record *record, void *context), void *context);
