/* SPDX-License-Identifier: MIT */
/* mkdir: makes directories. */
#include "userspace/files/client/file.h"
#include "userspace/programs/commands/command.h"

int main(int argc, char **argv)
{
    int code = 0;

    if (argc == 1) {
        command_usage();
    }
    for (int i = 1; i < argc; i++) {
        status_t status = file_make_directory(argv[i]);
        code |= status == OK ? 0 : command_fail(argv[i], status);
    }
    return code;
}
