/* SPDX-License-Identifier: MIT */
/* Commands that end the stop: continue, which no lock forbids, reboot, poweroff. */
#include "arch/cpu.h"
#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/core/session.h"

static void run_continue(struct kd_call *call)
{
    kd_arg_done(call);
    kd_session_end();
}
KD_COMMAND(continue, .usage = "", .help = "let all cores go on",
           .flags = KD_RESUMES | KD_LIVE | KD_PARTLY, .run = run_continue);
KD_COMMAND(c, .usage = "", .help = "short for continue", .flags = KD_RESUMES | KD_LIVE | KD_PARTLY,
           .run = run_continue);

static void run_reboot(struct kd_call *call)
{
    kd_arg_done(call);
    kd_print("kdebug: reboot\n");
    power_reset();
}
KD_COMMAND(reboot, .usage = "", .help = "reset the machine", .flags = KD_RESUMES | KD_IO | KD_LIVE,
           .run = run_reboot);

static void run_poweroff(struct kd_call *call)
{
    kd_arg_done(call);
    kd_print("kdebug: power off\n");
    power_off();
    kd_fail("this machine cannot be switched off by ACPI");
}
KD_COMMAND(poweroff, .usage = "", .help = "switch the machine off",
           .flags = KD_RESUMES | KD_IO | KD_LIVE, .run = run_poweroff);
