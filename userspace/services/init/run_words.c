/* SPDX-License-Identifier: MIT */
/* The words of supervisor.run. No system calls. */
#include <string.h>

#include "userspace/services/init/running.h"

/* What comes from outside is believed in nothing but its length. */
status_t run_words_parse(const char *words, uint64_t bytes, uint32_t arg_count,
                         struct run_words *out)
{
    const char *end = words + bytes;

    *out = (struct run_words){.name = words};
    if (bytes == 0 || end[-1] != '\0' || *words == '\0') {
        return ERR_BAD_ARGUMENT;
    }
    if (arg_count > RUN_ARGS_MAX) {
        return ERR_TOO_BIG;
    }
    for (const char *at = words + strlen(words) + 1; at < end; at += strlen(at) + 1) {
        if (out->arg_count < arg_count) {
            out->args[out->arg_count++] = at;
        } else if (strchr(at, '=') == NULL) {
            return ERR_BAD_ARGUMENT;
        } else if (out->variable_count == RUN_VARIABLES_MAX) {
            return ERR_TOO_BIG;
        } else {
            out->environment[out->variable_count++] = at;
        }
    }
    return out->arg_count == arg_count ? OK : ERR_BAD_ARGUMENT;
}
