/* SPDX-License-Identifier: MIT */
/* See cost.h. */
#include "trace/ring/cost.h"

#include "gen/trace_emit.h"

extern const struct trace_cost costs_blob_start[], costs_blob_end[];

void trace_costs_tell(void)
{
    for (const struct trace_cost *cost = costs_blob_start; cost < costs_blob_end; cost++) {
        if (cost->instructions != 0) {
            trace_trace_cost((uint16_t)(cost - costs_blob_start), cost->instructions,
                             (uint8_t)cost->per_word);
        }
    }
}
