/* SPDX-License-Identifier: MIT */
/* kdebug: enters the kernel's debugger, at the serial line. */
#include "gen/syscall_user.h"
#include "userspace/lib/start.h"
#include "userspace/programs/commands/command.h"

int main(int argc, char **argv)
{
    (void)argv;
    if (argc != 1) {
        command_usage();
    }
    status_t status = sys_debug_enter(program_handle("debug"));
    return status == OK ? 0 : command_fail("kdebug", status);
}
