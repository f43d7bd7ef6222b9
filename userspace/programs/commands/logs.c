/* SPDX-License-Identifier: MIT */
/* logs: prints what the log service keeps, with -f also what comes; or says which lines of an area are shown. */
#include <stdio.h>
#include <string.h>

#include "gen/interface/log_client.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"
#include "userspace/lib/log.h"
#include "userspace/programs/commands/command.h"

#define ANSWER (100 * NS_PER_MS) /* how long the service may take for lines that are there */

static int set_level(const char *area, const char *level)
{
    static const char *const names[LOG_LEVELS] = {"error", "warning", "info", "debug"};

    for (unsigned i = 0; i < LOG_LEVELS; i++) {
        if (strcmp(names[i], level) == 0) {
            status_t status = log_limit(strcmp(area, "all") == 0 ? "" : area, i);
            return status == OK ? 0 : command_fail(area, status);
        }
    }
    command_usage();
}

/* What is there comes at once; without a line the service makes its readers wait. */
static int print(bool follows)
{
    static char text[LOG_READ_TEXT_MAX];
    uint64_t service, from = 0, bytes, missed;
    status_t status = service_find("log", DEADLINE_FOREVER, &service);

    while (status == OK) {
        uint64_t deadline = follows ? DEADLINE_FOREVER : clock_now() + ANSWER;
        status = log_read(service, from, deadline, text, sizeof(text), &bytes, &from, &missed);
        if (status == OK) {
            command_write(text, bytes);
        } else if (status == ERR_BUSY) {
            status = OK;
        }
    }
    return status == ERR_TIMED_OUT ? 0 : command_fail("log", status);
}

int main(int argc, char **argv)
{
    bool follows = command_flag(&argc, &argv, 'f');

    if (argc == 4 && strcmp(argv[1], "level") == 0) {
        status_t status = log_connect(DEADLINE_FOREVER);
        return status == OK ? set_level(argv[2], argv[3]) : command_fail("log", status);
    }
    if (argc != 1) {
        command_usage();
    }
    return print(follows);
}
