/* SPDX-License-Identifier: MIT */
/* From the launcher's start information to main(). */
#include "userspace/lib/start.h"

#include <stdlib.h>
#include <string.h>

#include "userspace/lib/option.h"

struct program program;

int main(int argc, char **argv);
extern char **environ
    __attribute__((weak)); /* the C library's, in programs that have it and ask for it */

uint64_t program_handle(const char *name)
{
    for (uint32_t i = 0; i < program.start->handle_count; i++) {
        if (strcmp(program.start->handle[i].name, name) == 0) {
            return program.start->handle[i].handle;
        }
    }
    return HANDLE_NONE;
}

const char *program_variable(const char *name)
{
    size_t length = strlen(name);

    for (char *const *at = program.start->environment; *at != NULL; at++) {
        if (strncmp(*at, name, length) == 0 && (*at)[length] == '=') {
            return *at + length + 1;
        }
    }
    return NULL;
}

void program_run(const struct start_info *start)
{
    program.start = start;
    program.name = start->argv[0];
    program.self = program_handle("self");
    program.console = program_handle("console");
    if (&environ != NULL) {
        environ = start->environment;
    }
    options_set((int)start->argc, start->argv);
    program.quiet = option_flag("quiet");
    exit(main((int)start->argc, start->argv));
}
