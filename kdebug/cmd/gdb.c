/* SPDX-License-Identifier: MIT */
/* gdb: what gdb on this line is shown. For its 'monitor'. */
#include "kdebug/core/remote.h"

#include "kdebug/core/command.h"
#include "kdebug/core/output.h"

static bool take_switch(struct kd_call *call)
{
    bool on = kd_arg_accept(call, "on");
    if (!on && !kd_arg_accept(call, "off")) {
        kd_fail_usage(call);
    }
    return on;
}

static void run_gdb(struct kd_call *call)
{
    if (kd_arg_accept(call, "processes")) {
        kd_remote_show_processes(take_switch(call));
    } else if (kd_arg_accept(call, "libraries")) {
        kd_remote_show_libraries(take_switch(call));
    }
    kd_arg_done(call);
    kd_print("gdb is %s; it sees %s%s\n", kd_remote_is_attached() ? "attached" : "not attached",
             kd_remote_shows_processes() ? "the kernel and each process"
                                         : "the kernel with all threads",
             kd_remote_shows_libraries() ? ", programs as libraries" : "");
}
KD_COMMAND(gdb, .usage = "[processes on | off] [libraries on | off]",
           .help = "does gdb use this line? For its 'monitor': show it the threads "
                   "of present processes under these, too, or the selected thread's program as a "
                   "library of the kernel; it reads the programs then",
           .flags = KD_READS, .run = run_gdb);
