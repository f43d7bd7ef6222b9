/* SPDX-License-Identifier: MIT */
/* From the launcher's start information to main(). */
#include "userspace/lib/start.h"

#include <stdlib.h>
#include <string.h>

#include "userspace/lib/option.h"

struct program program;

int main(int argc, char **argv);

uint64_t program_handle(const char *name)
{
    for (uint32_t i = 0; i < program.start->handle_count; i++) {
        if (strcmp(program.start->handle[i].name, name) == 0) {
            return program.start->handle[i].handle;
        }
    }
    return HANDLE_NONE;
}

void program_run(const struct start_info *start)
{
    program.start = start;
    program.name = start->argv[0];
    program.self = program_handle("self");
    program.console = program_handle("console");
    options_set((int)start->argc, start->argv);
    program.quiet = option_flag("quiet");
    exit(main((int)start->argc, start->argv));
}
