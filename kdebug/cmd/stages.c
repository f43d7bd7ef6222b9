/* SPDX-License-Identifier: MIT */
/* Stages that work on any values: head, count. */
#include "kdebug/core/command.h"

#define VALUES_DEFAULT 10u

static void run_head(struct kd_call *call)
{
    uint64_t limit = VALUES_DEFAULT;
    kd_arg_number(call, &limit);
    kd_arg_done(call);
    if (*call->state < limit) {
        kd_emit(call, call->input);
    }
    if (++*call->state >= limit) {
        kd_emit_no_more(call);
    }
}
KD_COMMAND(head, .usage = "[N]", .help = "pass the first N values on", .flags = KD_STAGE,
           .run = run_head);

static void run_count(struct kd_call *call)
{
    kd_arg_done(call);
    ++*call->state;
}

static void finish_count(struct kd_call *call)
{
    kd_emit(call, kd_value_number(*call->state));
}
KD_COMMAND(count, .usage = "", .help = "how many values came", .flags = KD_STAGE, .run = run_count,
           .finish = finish_count);
