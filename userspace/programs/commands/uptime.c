/* SPDX-License-Identifier: MIT */
/* uptime: prints how long the system has been running. */
#include <stdio.h>

#include "userspace/lib/clock.h"
#include "userspace/programs/commands/command.h"

int main(int argc, char **argv)
{
    (void)argv;
    if (argc != 1) {
        command_usage();
    }
    uint64_t seconds = clock_now() / NS_PER_S;
    printf("up %lu:%02lu:%02lu\n", seconds / 3600, seconds / 60 % 60, seconds % 60);
    return 0;
}
