/* SPDX-License-Identifier: MIT */
/* tail: prints the last lines. Keeps the end of what it reads, so a line that begins before that is cut. */
#include <string.h>

#include "userspace/programs/commands/command.h"

#define KEPT_BYTES 65536u /* at least; twice as much is kept at times */

static char kept[2 * KEPT_BYTES];
static size_t length;

static status_t read_all(void)
{
    size_t bytes = 1;
    status_t status = OK;

    while (status == OK && bytes > 0) {
        if (length > sizeof(kept) - KEPT_BYTES / 2) {
            memmove(kept, kept + length - KEPT_BYTES, KEPT_BYTES);
            length = KEPT_BYTES;
        }
        status = command_read(kept + length, sizeof(kept) - length, &bytes);
        length += status == OK ? bytes : 0;
    }
    return status;
}

/* Where the last lines begin; an end without LF is a line, too. */
static size_t find(uint64_t lines)
{
    size_t at = length;

    if (lines == 0) {
        return length;
    }
    at -= at > 0 && kept[at - 1] == '\n';
    for (; at > 0; at--) {
        if (kept[at - 1] == '\n' && --lines == 0) {
            break;
        }
    }
    return at;
}

int main(int argc, char **argv)
{
    uint64_t lines = command_lines(&argc, &argv);

    status_t status = command_open(argv[1]);
    if (status == OK) {
        status = read_all();
    }
    if (status != OK) {
        return command_fail(argv[1], status);
    }
    size_t from = find(lines);
    command_write(kept + from, length - from);
    return 0;
}
