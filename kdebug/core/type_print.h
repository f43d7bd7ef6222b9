/* SPDX-License-Identifier: MIT */
/* Values of C types as text. */
#pragma once

#include "kdebug/core/value.h"

/*
 * kd_print_value() - a C value: fields one per line, inner structures within a line.
 *
 * Numbers above 65535 in hex, pointers and code addresses with their symbol, enums and sets of
 * flags by name, strings as such, long arrays cut and runs counted. What cannot be read is
 * "<unreadable>"; the rest is shown all the same.
 */
void kd_print_value(const struct kd_value *value);

/* kd_print_value_line() - the same within one line, a structure only by its address. */
void kd_print_value_line(const struct kd_value *value);

/* kd_print_value_within() - within one line, without an end of line. */
void kd_print_value_within(const struct kd_value *value);

/* kd_print_layout() - a structure's or enum's definition, with offsets and sizes. */
void kd_print_layout(kd_ctype_t type);
