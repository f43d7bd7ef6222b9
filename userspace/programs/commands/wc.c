/* SPDX-License-Identifier: MIT */
/* wc: counts lines, words and bytes. */
#include <stdio.h>

#include "userspace/programs/commands/command.h"

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int main(int argc, char **argv)
{
    static char data[16384];
    uint64_t lines = 0, words = 0, all = 0;
    bool in_word = false;
    size_t bytes = 1;

    if (argc > 2) {
        command_usage();
    }
    status_t status = command_open(argv[1]);
    while (status == OK && (status = command_read(data, sizeof(data), &bytes)) == OK && bytes > 0) {
        for (size_t i = 0; i < bytes; i++) {
            lines += data[i] == '\n';
            words += !is_blank(data[i]) && !in_word;
            in_word = !is_blank(data[i]);
        }
        all += bytes;
    }
    if (status != OK) {
        return command_fail(argc > 1 ? argv[1] : "input", status);
    }
    printf("%lu %lu %lu\n", lines, words, all);
    return 0;
}
