/* SPDX-License-Identifier: MIT */
/* power: stops all services, then switches the machine off or restarts it. */
#include <stdio.h>
#include <string.h>

#include "gen/interface/supervisor_client.h"
#include "userspace/lib/start.h"
#include "userspace/programs/commands/command.h"

#define POWER_OFF   0u
#define POWER_RESET 1u

int main(int argc, char **argv)
{
    bool resets = argc == 2 && strcmp(argv[1], "reset") == 0;

    if (argc != 2 || (!resets && strcmp(argv[1], "off") != 0)) {
        command_usage();
    }
    /* Our own terminal goes, too: from here on nothing can be said there. */
    status_t status = supervisor_shutdown(program_handle("supervisor"), DEADLINE_FOREVER);
    if (status == OK) {
        status = sys_system_power(program_handle("system"), resets ? POWER_RESET : POWER_OFF);
    }
    return command_fail(argv[1], status);
}
