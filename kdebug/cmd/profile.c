/* SPDX-License-Identifier: MIT */
/* profile: the sampling profiler's rate. Its samples are events like others: trace last 20 profile. */
#include "trace/profile/profile.h"

#include "arch/pit.h"
#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/core/permit.h"

static void run_profile(struct kd_call *call)
{
    uint64_t rate = 0;
    kd_require_live(kd_arg_is_end(call) ? KD_READS : KD_WRITES);
    if (!kd_arg_is_end(call)) {
        if (!kd_arg_accept(call, "off") && !kd_arg_number(call, &rate)) {
            kd_fail_usage(call);
        }
        kd_arg_done(call);
        status_t status = rate > PROFILE_RATE_MAX ? ERR_RANGE : profile_set_rate((unsigned)rate);
        if (status == ERR_NOT_SUPPORTED) {
            kd_fail("the interval timer of this machine does not count");
        }
        if (status != OK) {
            kd_fail("a rate from %u to %u samples per second", PIT_RATE_MIN, PROFILE_RATE_MAX);
        }
    }
    if (profile_rate() == 0) {
        kd_print("off\n");
    } else {
        kd_print("%u samples per second of each core that runs a thread\n", profile_rate());
    }
}
KD_COMMAND(profile, .usage = "[RATE | off]",
           .help = "sample kernel and user stacks; 'trace last 9 profile' shows them",
           .flags = KD_READS | KD_WRITES | KD_PARTLY, .run = run_profile);
