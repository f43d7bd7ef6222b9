/* SPDX-License-Identifier: MIT */
/*
 * The entry of all programs but init, in a file of its own: linked weakly, so that init's takes its
 * place.
 */
#include <stddef.h>
#include <stdlib.h>

#include "userspace/lib/start.h"

#define EXIT_BAD_START 127 /* there is no console yet to say more */

__attribute__((weak)) void start_process(const void *info)
{
    const struct start_info *start = info;

    if (start == NULL || start->magic != START_MAGIC || start->argc == 0 ||
        start->handle_count > START_HANDLES_MAX) {
        exit(EXIT_BAD_START);
    }
    program_run(start);
}
