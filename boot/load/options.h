/* SPDX-License-Identifier: MIT */
/* The command line: words separated by blanks, each `name` or `name=value`. The last one of a name counts. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/errors.h"

/* option_is_set() - the word `name` (or `name=...`) is there. */
bool option_is_set(const char *cmdline, const char *name);

/*
 * option_number() - value of `name=NUMBER`: decimal or 0x hexadecimal, then optionally K, M or G (powers of 1024).
 *
 * Returns OK; ERR_NOT_FOUND no such word; ERR_BAD_ARGUMENT not a number; ERR_RANGE more than 64 bits.
 */
status_t option_number(const char *cmdline, const char *name, uint64_t *out_value)
    __attribute__((warn_unused_result));

/*
 * option_clean() - turn a file into a command line: line ends, tabs and other control characters become blanks, blanks
 * at both ends go away, the rest is cut to capacity - 1 characters and terminated.
 * Returns true if something had to be cut off. @out has capacity > 0 bytes.
 */
bool option_clean(char *out, uint64_t capacity, const void *bytes, uint64_t size);
