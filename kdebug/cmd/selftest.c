/* SPDX-License-Identifier: MIT */
/* selftest: proofs that the running kernel makes of itself. */
#include "kdebug/core/command.h"
#include "kdebug/core/deferred.h"
#include "kdebug/core/output.h"
#include "kdebug/core/session.h"

static void run_selftest(struct kd_call *call)
{
    if (!kd_arg_accept(call, "trace")) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    kd_deferred_sweep();
    kd_session_end();
}
KD_COMMAND(selftest, .usage = "trace",
           .help =
               "interrupt the emitter of each event at each instruction, and see what becomes of "
               "the records; comes back to the prompt with the verdict",
           .flags = KD_WRITES | KD_RESUMES | KD_LIVE, .run = run_selftest);
