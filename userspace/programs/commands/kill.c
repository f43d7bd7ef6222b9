/* SPDX-License-Identifier: MIT */
/* kill: ends programs, by the numbers of their processes. Jobs the shell ends itself. */
#include <stdio.h>

#include "gen/interface/supervisor_client.h"
#include "userspace/lib/start.h"
#include "userspace/programs/commands/command.h"

static int end(const char *word)
{
    uint64_t supervisor = program_handle("supervisor");
    status_t status = supervisor_end(supervisor, command_number(word), DEADLINE_FOREVER);

    if (status == ERR_NOT_FOUND) {
        complain("%s: no program with this number was started by a shell", word);
    } else if (status == ERR_NOT_SUPPORTED) {
        complain("%s is a service: `service kill NAME` ends those", word);
    } else if (status != OK) {
        return command_fail(word, status);
    }
    return status == OK ? 0 : COMMAND_FAILED;
}

int main(int argc, char **argv)
{
    int code = 0;

    if (argc < 2) {
        command_usage();
    }
    for (int i = 1; i < argc; i++) {
        code |= end(argv[i]);
    }
    return code;
}
