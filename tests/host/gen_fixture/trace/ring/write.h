/* SPDX-License-Identifier: MIT */
/* Stands in for trace/ring/write.h in the generator's tests. */
#pragma once

#include "trace/ring/layout.h"

extern struct trace_lane normal_lane, always_lane;

static inline struct trace_lane *trace_lane(void)
{
    return &normal_lane;
}

static inline struct trace_lane *trace_lane_always(void)
{
    return &always_lane;
}

void trace_write_0(struct trace_lane *lane, uint64_t header);
void trace_write_1(struct trace_lane *lane, uint64_t header, uint64_t word1);
void trace_write_2(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2);
void trace_write_3(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2,
                   uint64_t word3);
