/* SPDX-License-Identifier: MIT */
/* sort: prints lines in the order of their bytes, with -r backwards. Merges runs of lines, so equal ones keep their order. */
#include <stdio.h>
#include <string.h>

#include "userspace/programs/commands/command.h"

#define TEXT_BYTES (4u << 20)
#define LINES_MAX  65536u

static char text[TEXT_BYTES];
static const char *lines[LINES_MAX], *merged[LINES_MAX];
static unsigned line_count;
static bool is_backwards;

static bool comes_after(const char *a, const char *b)
{
    int order = strcmp(a, b);

    return is_backwards ? order < 0 : order > 0;
}

static void merge(unsigned begin, unsigned middle, unsigned end)
{
    unsigned a = begin, b = middle;

    for (unsigned i = begin; i < end; i++) {
        bool from_b = a == middle || (b < end && comes_after(lines[a], lines[b]));
        merged[i] = from_b ? lines[b++] : lines[a++];
    }
    memcpy(&lines[begin], &merged[begin], (end - begin) * sizeof(lines[0]));
}

static void sort(void)
{
    for (unsigned run = 1; run < line_count; run *= 2) {
        for (unsigned begin = 0; begin + run < line_count; begin += 2 * run) {
            unsigned end = begin + 2 * run < line_count ? begin + 2 * run : line_count;
            merge(begin, begin + run, end);
        }
    }
}

static bool read_all(void)
{
    size_t used = 0, length;

    while (used < sizeof(text) && command_line(text + used, sizeof(text) - used, &length)) {
        if (line_count == LINES_MAX || used + length + 1 == sizeof(text)) {
            return false;
        }
        lines[line_count++] = text + used;
        used += length + 1;
    }
    return used < sizeof(text);
}

int main(int argc, char **argv)
{
    is_backwards = command_flag(&argc, &argv, 'r');
    if (argc > 2) {
        command_usage();
    }
    status_t status = command_open(argv[1]);
    if (status != OK) {
        return command_fail(argv[1], status);
    }
    if (!read_all()) {
        complain("more than %u lines or %u bytes", LINES_MAX, TEXT_BYTES);
        return COMMAND_FAILED;
    }
    sort();
    for (unsigned i = 0; i < line_count; i++) {
        command_write(lines[i], strlen(lines[i]));
        command_write("\n", 1);
    }
    return 0;
}
