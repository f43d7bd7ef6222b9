/* SPDX-License-Identifier: MIT */
/* objects: how many of each type exist. Two looks at rest that differ show a leak. */
#include "gen/objects.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"

static void run_objects(struct kd_call *call)
{
    uint32_t count[OBJECT_TYPE_COUNT];
    kd_arg_done(call);
    kd_fetch(KD_GLOBAL(object_counts), count, sizeof(count), "object_counts");
    kd_print("  COUNT  TYPE\n");
    for (unsigned type = 1; type < OBJECT_TYPE_COUNT; type++) {
        if (count[type] != 0) {
            kd_print("%7u  %s\n", count[type], object_type_name(type));
        }
    }
}
KD_COMMAND(objects, .usage = "", .help = "how many objects of each type exist", .flags = KD_READS,
           .run = run_objects);
