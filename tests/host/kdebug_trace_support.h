/* SPDX-License-Identifier: MIT */
/* Rings in the fake machine (kdebug_support.h), and what the recorder would write there. */
#pragma once

#include "trace/ring/layout.h"

#define TSC_KHZ          1000000u
#define CLOCK_TSC        0x3ffffff0000ull /* just before the 42-bit time wraps */
#define SMALL_RING_BYTES 0x10000u         /* of the first two lanes */

extern struct trace_region *region;
extern struct trace_lane *lanes; /* control blocks */

/* make_region() - lane 0 is the meta lane, 1 that of NMIs of core 0, the others of a core each; all are empty. */
void make_region(unsigned lane_count, uint32_t ring_bytes);

/* write_record() - times of a lane may not go back. ring_at() - where in memory a position is. */
void write_record(unsigned lane, uint64_t tsc, unsigned event, unsigned small, const void *payload,
                  unsigned words);
uint8_t *ring_at(unsigned lane, uint64_t position);
