/* SPDX-License-Identifier: MIT */
/* cp: copies a file; into a folder under its own name. */
#include <stdio.h>
#include <string.h>

#include "userspace/files/client/file.h"
#include "userspace/files/client/path.h"
#include "userspace/programs/commands/command.h"
#include "userspace/programs/commands/target.h"

static char data[65536];

static int copy(const struct file *from, const struct file *to, const char *name)
{
    uint64_t offset = 0, bytes, written;
    status_t status;

    while ((status = file_read(from, offset, data, sizeof(data), &bytes)) == OK && bytes > 0) {
        status = file_write(to, offset, data, bytes, &written);
        if (status == OK && written < bytes) {
            status = ERR_NO_SPACE;
        }
        if (status != OK) {
            return command_fail(name, status);
        }
        offset += bytes;
    }
    return status == OK ? 0 : command_fail("reading", status);
}

/* Opening it would empty it. */
static bool is_same(const char *from, const char *to)
{
    struct file_info a, b;

    return file_stat(from, &a) == OK && file_stat(to, &b) == OK && a.mount == b.mount &&
           a.node == b.node;
}

int main(int argc, char **argv)
{
    char target[PATH_BYTES_MAX];
    struct file from, to;

    if (argc != 3) {
        command_usage();
    }
    if (!target_path(argv[1], argv[2], target)) {
        return command_fail(argv[2], ERR_TOO_BIG);
    }
    status_t status = file_open(argv[1], OPEN_READ, &from);
    if (status != OK || from.kind == FILE_DIRECTORY) {
        return command_fail(argv[1], status != OK ? status : ERR_IS_DIRECTORY);
    }
    if (is_same(argv[1], target)) {
        complain("%s and %s are the same file", argv[1], argv[2]);
        return COMMAND_FAILED;
    }
    status = file_open(target, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, &to);
    return status == OK ? copy(&from, &to, target) : command_fail(target, status);
}
