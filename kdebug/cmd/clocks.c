/* SPDX-License-Identifier: MIT */
/* clocks: whether the TSCs of all cores agree (kernel/arch/clock_sync.h). */
#include "arch/clock_sync.h"

#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"

static void show_bounds(struct clock_bounds bounds)
{
    kd_print("  %12lld  %12lld", (long long)bounds.low, (long long)bounds.high);
}

static void run_clocks(struct kd_call *call)
{
    kd_arg_done(call);
    kd_print("ticks of the TSC of each core minus those of core 0:\n");
    kd_print(" CPU      AT LEAST       AT MOST         MOVED   NOW AT LEAST       AT MOST\n");
    for (unsigned cpu = 1; cpu < kd_target->cpu_count(); cpu++) {
        struct clock_sync sync;
        kd_fetch(KD_GLOBAL(clock_syncs) + cpu * sizeof(sync), &sync, sizeof(sync), "clock_syncs");
        kd_print("%4u", cpu);
        show_bounds(sync.found);
        kd_print("  %12lld  ", (long long)sync.moved);
        show_bounds(sync.newest);
        kd_print("  %s\n", clock_agrees(sync.newest) ? "may agree" : "DO NOT AGREE");
    }
}
KD_COMMAND(
    clocks, .usage = "",
    .help = "how far the clocks of the cores are apart: at their start, and when looked at last",
    .flags = KD_READS, .run = run_clocks);
