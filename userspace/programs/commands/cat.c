/* SPDX-License-Identifier: MIT */
/* cat: prints files, or its input. */
#include "userspace/programs/commands/command.h"

static int print(const char *path)
{
    static char data[16384];
    size_t bytes;
    status_t status = command_open(path);

    while (status == OK) {
        status = command_read(data, sizeof(data), &bytes);
        if (status == OK && bytes == 0) {
            return 0;
        }
        if (status == OK) {
            command_write(data, bytes);
        }
    }
    return command_fail(path != NULL ? path : "input", status);
}

int main(int argc, char **argv)
{
    int code = 0;

    if (argc == 1) {
        return print(NULL);
    }
    for (int i = 1; i < argc; i++) {
        code |= print(argv[i]);
    }
    return code;
}
