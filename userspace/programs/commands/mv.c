/* SPDX-License-Identifier: MIT */
/* mv: gives a file or directory another name, in the same file system. */
#include <stdio.h>

#include "userspace/files/client/file.h"
#include "userspace/programs/commands/command.h"
#include "userspace/programs/commands/target.h"

int main(int argc, char **argv)
{
    char target[PATH_BYTES_MAX];

    if (argc != 3) {
        command_usage();
    }
    if (!target_path(argv[1], argv[2], target)) {
        return command_fail(argv[2], ERR_TOO_BIG);
    }
    status_t status = file_rename(argv[1], target);
    if (status == ERR_NOT_SUPPORTED) {
        complain("%s is in another file system than %s: cp and rm", target, argv[1]);
        return COMMAND_FAILED;
    }
    return status == OK ? 0 : command_fail(argv[1], status);
}
