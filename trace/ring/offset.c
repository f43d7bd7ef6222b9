/* SPDX-License-Identifier: MIT */
/* How far the clocks of the cores are off, for whoever reads the trace (arch/clock_sync.h). */
#include "arch/clock_sync.h"
#include "gen/trace_emit.h"
#include "trace/ring/ring.h"

void trace_set_offsets(void)
{
    for (unsigned cpu = 1; cpu < cpu_count(); cpu++) {
        struct clock_bounds bounds = clock_syncs[cpu].newest;
        trace_trace_offset((uint8_t)cpu, bounds.low > 0, clock_off_at_least(bounds),
                           clock_off_at_most(bounds));
    }
}
