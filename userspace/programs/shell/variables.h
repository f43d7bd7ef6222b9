/* SPDX-License-Identifier: MIT */
/* The shell's variables. All of them are the environment of what it starts. Context: the shell's main thread. */
#pragma once

#include "gen/errors.h"

#define VARIABLES_MAX  20u
#define VARIABLE_BYTES 160u /* NAME=VALUE and its NUL */

/* variables_begin() - those that the shell itself was given, but for what concerns its streams. */
void variables_begin(void);

/* variable_get() - the value; NULL: there is none. "?" is the code of the last pipeline. */
const char *variable_get(const char *name);

/* variable_set() - ERR_TOO_BIG: it is too long; ERR_TABLE_FULL. variable_unset() - also of what there is not. */
status_t variable_set(const char *name, const char *value);
void variable_unset(const char *name);
void variable_set_code(unsigned code);

/* variable_text() - NAME=VALUE of the one with this index; NULL: there are not so many. */
const char *variable_text(unsigned index);
