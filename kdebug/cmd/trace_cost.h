/* SPDX-License-Identifier: MIT */
/* trace cost: what recording has cost (trace/ring/cost.h). */
#pragma once

#include "base/types.h"

/*
 * kd_trace_cost() - for each core and for each event: records that the rings hold, and instructions that writing them has cost at
 * most, as the capture's own trace.cost say.
 *
 * @previous  of the boot before
 */
void kd_trace_cost(bool previous);
