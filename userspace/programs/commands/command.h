/* SPDX-License-Identifier: MIT */
/*
 * What commands share: how they are used, where they read, how they say what went wrong. A command is one file with main(), its line in
 * commands.def, and its handles in userspace/services/manifest.toml.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen/errors.h"

/* Exit codes. */
#define COMMAND_FAILED 1
#define COMMAND_WRONG  2 /* used wrongly */

/* command_usage() - say how the command is used, and end. */
_Noreturn void command_usage(void);

/* command_fail() - say what could not be done with what. Returns COMMAND_FAILED. */
int command_fail(const char *what, status_t status);

/* command_flag() - "-x" as the first argument: taken out of *argc and *argv. Any other "-y" there ends with the usage. */
bool command_flag(int *argc, char ***argv, char flag);

/* command_number() - a text as a number, or the end with the usage. */
uint64_t command_number(const char *text);

/* command_lines() - the number behind "-n", which is taken out, or 10; then at most one argument is left. */
uint64_t command_lines(int *argc, char ***argv);

/*
 * What a command reads: a file, or its input if path is NULL. command_read() - some bytes; *out_bytes 0: the end.
 */
status_t command_open(const char *path);
status_t command_read(void *data, size_t capacity, size_t *out_bytes);

/* command_write() - to the output; ends the command quietly if nobody will read it. */
void command_write(const void *data, size_t bytes);

/* command_line() - the next line without its LF, cut after capacity - 1 bytes. False: the end, or an error, which is said. */
bool command_line(char *line, size_t capacity, size_t *out_length);
