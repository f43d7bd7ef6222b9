/* SPDX-License-Identifier: MIT */
/* service: what services there are; starts, stops and kills them. */
#include <stdio.h>
#include <string.h>

#include "gen/interface/supervisor_client.h"
#include "kernel/abi/services.h"
#include "userspace/lib/start.h"
#include "userspace/programs/commands/command.h"

static int list(uint64_t supervisor)
{
    static const char *const states[SERVICE_STATES] = {"idle",    "running", "waiting", "stopping",
                                                       "stopped", "ended",   "given up"};
    char name[SUPERVISOR_DESCRIBE_NAME_MAX + 1];
    uint32_t state, starts;
    uint64_t bytes;
    status_t status = OK;

    printf("STATE     STARTS  NAME\n");
    for (uint32_t i = 0; status == OK; i++) {
        status = supervisor_describe(supervisor, i, DEADLINE_FOREVER, name, sizeof(name) - 1,
                                     &bytes, &state, &starts);
        if (status == OK) {
            name[bytes] = '\0';
            printf("%-9s %6u  %s\n", state < SERVICE_STATES ? states[state] : "?", starts, name);
        }
    }
    return status == ERR_NOT_FOUND ? 0 : command_fail("services", status);
}

int main(int argc, char **argv)
{
    uint64_t supervisor = program_handle("supervisor");
    status_t status;

    if (argc == 1) {
        return list(supervisor);
    }
    if (argc != 3) {
        command_usage();
    }
    if (strcmp(argv[1], "start") == 0) {
        status = supervisor_start(supervisor, argv[2], DEADLINE_FOREVER);
    } else if (strcmp(argv[1], "stop") == 0) {
        status = supervisor_stop(supervisor, argv[2], DEADLINE_FOREVER);
    } else if (strcmp(argv[1], "kill") == 0) {
        status = supervisor_kill(supervisor, argv[2], DEADLINE_FOREVER);
    } else {
        command_usage();
    }
    return status == OK ? 0 : command_fail(argv[2], status);
}
