/* SPDX-License-Identifier: MIT */
/* sleep: waits for so many seconds. */
#include "userspace/lib/clock.h"
#include "userspace/programs/commands/command.h"

int main(int argc, char **argv)
{
    if (argc != 2) {
        command_usage();
    }
    uint64_t seconds = command_number(argv[1]);
    if (seconds > 1u << 30) {
        command_usage();
    }
    clock_sleep(seconds * NS_PER_S);
    return 0;
}
