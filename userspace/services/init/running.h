/* SPDX-License-Identifier: MIT */
/*
 * Programs that other programs have started (supervisor.run): each gets what the manifest gives it, whoever asked. So a shell can start
 * what it could not do itself, and has no more than the right to ask.
 */
#pragma once

#include <stdint.h>

#include "gen/errors.h"

/* What one is told to start: words cut apart, in place. */
#define RUN_ARGS_MAX      20u
#define RUN_VARIABLES_MAX 24u

struct run_words {
    const char *name;
    const char *args[RUN_ARGS_MAX];
    unsigned arg_count;
    const char *environment[RUN_VARIABLES_MAX + 2]; /* room for one more, and NULL */
    unsigned variable_count;
};

/* run_words_parse() - ERR_BAD_ARGUMENT: no name, a text without its NUL, or a variable without "="; ERR_TOO_BIG: too many. */
status_t run_words_parse(char *words, uint64_t bytes, struct run_words *out);
