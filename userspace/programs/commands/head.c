/* SPDX-License-Identifier: MIT */
/* head: prints the first lines. */
#include "userspace/programs/commands/command.h"

#define LINE_BYTES 4096u

int main(int argc, char **argv)
{
    static char line[LINE_BYTES];
    uint64_t lines = command_lines(&argc, &argv);
    size_t length;

    status_t status = command_open(argv[1]);
    if (status != OK) {
        return command_fail(argv[1], status);
    }
    while (lines-- > 0 && command_line(line, sizeof(line), &length)) {
        line[length] = '\n';
        command_write(line, length + 1);
    }
    return 0;
}
