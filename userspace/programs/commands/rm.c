/* SPDX-License-Identifier: MIT */
/* rm: removes files, or with -d empty directories. */
#include "userspace/files/client/file.h"
#include "userspace/programs/commands/command.h"

int main(int argc, char **argv)
{
    enum file_kind kind = command_flag(&argc, &argv, 'd') ? FILE_DIRECTORY : FILE_REGULAR;
    int code = 0;

    if (argc == 1) {
        command_usage();
    }
    for (int i = 1; i < argc; i++) {
        status_t status = file_remove(argv[i], kind);
        code |= status == OK ? 0 : command_fail(argv[i], status);
    }
    return code;
}
