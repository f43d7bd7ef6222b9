/* SPDX-License-Identifier: MIT */
/* Commands that the shell carries out itself. */
#pragma once

#include <stdbool.h>

#include "userspace/programs/shell/parse.h"

/* builtin_is_meant() - the words are one's and its arguments. builtin_run() - its code. @words  NULL after the last */
bool builtin_is_meant(const char *const *words);
unsigned builtin_run(const char *const *words);

/* builtin_names() - call back for the name of every command, also of those that are programs. */
void builtin_names(void (*name)(const char *text, bool unused));

/* builtin_has_exited() - `exit` has been given. builtin_is_over() - the same, and forgets it. */
bool builtin_has_exited(void);
bool builtin_is_over(void);

/* here_name() - the current folder, "/" for the top. Until the next call. */
const char *here_name(void);

/* shell_line() - carry a line out; returns the code of its last pipeline. In main.c. */
unsigned shell_line(const char *line);
