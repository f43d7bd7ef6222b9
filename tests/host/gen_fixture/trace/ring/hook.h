/* SPDX-License-Identifier: MIT */
/* Stands in for trace/ring/hook.h in the generator's tests: every record passes. */
#pragma once

#include "trace/ring/layout.h"

extern struct trace_lane trace_hook_lanes[2];

struct trace_lane *trace_hook_decide(struct trace_lane *lane, const uint64_t *record);
