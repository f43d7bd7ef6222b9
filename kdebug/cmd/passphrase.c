/* SPDX-License-Identifier: MIT */
/* lock: let the next one at the prompt give the passphrase again. */
#include "kdebug/core/passphrase.h"

#include "kdebug/core/command.h"
#include "kdebug/core/remote.h"

static void run_lock(struct kd_call *call)
{
    kd_arg_done(call);
    if (kd_remote_is_attached()) {
        kd_fail("gdb is attached, and would not be asked");
    }
    if (!kd_passphrase_lock()) {
        kd_fail("this boot has no passphrase (kdebug_passphrase=)");
    }
}
KD_COMMAND(lock, .usage = "", .help = "ask for the passphrase again from now on", .flags = KD_LIVE,
           .run = run_lock);
