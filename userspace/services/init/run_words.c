/* SPDX-License-Identifier: MIT */
/* The words of supervisor.run: name, arguments, an empty word, variables. No system calls. */
#include <string.h>

#include "userspace/services/init/running.h"

/* What comes from outside is believed in nothing but its length. */
status_t run_words_parse(char *words, uint64_t bytes, struct run_words *out)
{
    const char *end = words + bytes;
    const char *at = words;

    *out = (struct run_words){.name = words};
    if (bytes == 0 || end[-1] != '\0' || *words == '\0') {
        return ERR_BAD_ARGUMENT;
    }
    for (at += strlen(at) + 1; at < end && *at != '\0'; at += strlen(at) + 1) {
        if (out->arg_count == RUN_ARGS_MAX) {
            return ERR_TOO_BIG;
        }
        out->args[out->arg_count++] = at;
    }
    for (at++; at < end; at += strlen(at) + 1) {
        if (strchr(at, '=') == NULL) {
            return ERR_BAD_ARGUMENT;
        }
        if (out->variable_count == RUN_VARIABLES_MAX) {
            return ERR_TOO_BIG;
        }
        out->environment[out->variable_count++] = at;
    }
    return OK;
}
