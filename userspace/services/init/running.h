/* SPDX-License-Identifier: MIT */
/*
 * Programs that other programs have started (supervisor.run): each gets what the manifest gives it, whoever asked. So a shell can start
 * what it could not do itself, and has no more than the right to ask. When who asked ends, so does what it has started.
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

/* run_words_parse() - name, so many arguments, variables. ERR_BAD_ARGUMENT: no name, a text without its NUL, or a variable without "="; ERR_TOO_BIG: too many. */
status_t run_words_parse(const char *words, uint64_t bytes, uint32_t arg_count,
                         struct run_words *out);

/* running_end_of() - a client has ended: so does what it has started. running_end_all() - all end, but the one with this badge.
 * running_end() - the one with this number: ERR_NOT_FOUND: there is none. Context: the supervisor's thread. */
void running_end_of(uint64_t owner);
void running_end_all(uint64_t but);
status_t running_end(uint64_t id);
