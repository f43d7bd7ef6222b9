/* SPDX-License-Identifier: MIT */
/* The command line: words separated by blanks, key=value or a bare key. */
#pragma once

#include "base/types.h"
#include "kernel/abi/trace.h"

/* option_value() - copy the value of the last word "key=value"; false if there is none. A bare "key" gives "". */
bool option_value(const char *cmdline, const char *key, char *value, size_t bytes);

/* option_number() - a decimal number of up to 9 digits, and nothing else. False: it is none. */
bool option_number(const char *text, unsigned *out_number);

/*
 * option_signed() - a decimal number of 64 bits, with a sign or without, at *text, and the comma behind it, if there
 * is one; *text moves on. False: none there; nothing has moved.
 */
bool option_signed(const char **text, int64_t *out_number);

/*
 * option_trace_events() - the events that trace=LIST asks for: words of trace/ring/choice.h separated by commas, obeyed from left to
 * right. Without the option: all. *out_unknown gets the first word that names nothing, or "".
 */
void option_trace_events(const char *cmdline, struct trace_event_set *out, char *out_unknown,
                         size_t bytes);
