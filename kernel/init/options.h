/* SPDX-License-Identifier: MIT */
/* The command line: words separated by blanks, key=value or a bare key. */
#pragma once

#include "base/types.h"

/* option_value() - copy the value of the last word "key=value"; false if there is none. A bare "key" gives "". */
bool option_value(const char *cmdline, const char *key, char *value, size_t bytes);

/* option_number() - a decimal number of up to 9 digits, and nothing else. False: it is none. */
bool option_number(const char *text, unsigned *out_number);

/*
 * option_trace_categories() - the mask that trace=LIST asks for: names of categories separated by commas, "all" or "none".
 * Without the option: all. *out_unknown gets the first name that is no category, or "".
 */
uint64_t option_trace_categories(const char *cmdline, char *out_unknown, size_t bytes);
