/* SPDX-License-Identifier: MIT */
/* hexdump: prints bytes as numbers and letters. */
#include <stdio.h>

#include "userspace/programs/commands/command.h"

#define ROW 16u

static void print_row(uint64_t at, const unsigned char *data, unsigned bytes)
{
    char numbers[3 * ROW + 1], letters[ROW + 1];

    for (unsigned i = 0; i < ROW; i++) {
        if (i < bytes) {
            snprintf(numbers + 3 * i, 4, " %02x", data[i]);
        } else {
            snprintf(numbers + 3 * i, 4, "   ");
        }
        letters[i] = (char)(data[i] >= ' ' && data[i] < 127 ? data[i] : '.');
    }
    letters[bytes] = '\0';
    printf("%08lx %s  %s\n", at, numbers, letters);
}

int main(int argc, char **argv)
{
    unsigned char row[ROW];
    uint64_t at = 0;
    unsigned filled = 0;
    size_t bytes = 1;

    if (argc > 2) {
        command_usage();
    }
    status_t status = command_open(argv[1]);
    while (status == OK && bytes > 0) {
        status = command_read(row + filled, ROW - filled, &bytes);
        filled += status == OK ? (unsigned)bytes : 0;
        if (filled == ROW || (filled > 0 && bytes == 0)) {
            print_row(at, row, filled);
            at += filled;
            filled = 0;
        }
    }
    return status == OK ? 0 : command_fail(argc > 1 ? argv[1] : "input", status);
}
