/* SPDX-License-Identifier: MIT */
/*
 * echo: reads lines from the console and prints each again, repeat= times (1), up to one that says
 * "quit".
 */
#include <stdio.h>
#include <string.h>

#include "gen/syscall_user.h"
#include "kernel/abi/message.h"
#include "userspace/lib/check.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"

static char line[128];

static void read_line(void)
{
    unsigned length = 0;

    for (;;) {
        uint64_t got;
        char c = 0;

        must(sys_console_read(program.console, &c, 1, DEADLINE_FOREVER, &got));
        if (c == '\r' || c == '\n') {
            break;
        }
        if (length < sizeof(line) - 1) {
            line[length++] = c;
        }
    }
    line[length] = '\0';
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    uint64_t repeat = option_u64("repeat", 1);
    printf("echo: ready\n");
    do {
        read_line();
        for (uint64_t i = 0; i < repeat; i++) {
            printf("echo: %s\n", line);
        }
    } while (strcmp(line, "quit") != 0);
    return 0;
}
