/* SPDX-License-Identifier: MIT */
/* grep: prints lines that have a text in them, or with -v those that have not. Ends with 1 if there was none. */
#include <string.h>

#include "userspace/programs/commands/command.h"

#define LINE_BYTES 4096u

static bool contains(const char *line, const char *text)
{
    size_t length = strlen(text);

    for (; strlen(line) >= length; line++) {
        if (strncmp(line, text, length) == 0) {
            return true;
        }
        if (*line == '\0') {
            break;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    static char line[LINE_BYTES];
    bool inverts = command_flag(&argc, &argv, 'v');
    size_t length;
    int code = 1;

    if (argc < 2 || argc > 3) {
        command_usage();
    }
    status_t status = command_open(argv[2]);
    if (status != OK) {
        return command_fail(argv[2], status);
    }
    while (command_line(line, sizeof(line), &length)) {
        if (contains(line, argv[1]) != inverts) {
            code = 0;
            line[length] = '\n';
            command_write(line, length + 1);
        }
    }
    return code;
}
