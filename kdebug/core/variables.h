/* SPDX-License-Identifier: MIT */
/* The person's own variables: $name, kept from one stop to the next. */
#pragma once

#include "kdebug/core/value.h"

/* kd_variable_get() - false: none of this name (without the '$'). */
bool kd_variable_get(const char *name, size_t length, struct kd_value *out);

/* kd_variable_set() - make or change one. False: the name is too long, or there are too many. */
bool kd_variable_set(const char *name, size_t length, const struct kd_value *value);

/* kd_variable_number() - variable i. False: there are fewer. */
bool kd_variable_number(unsigned i, const char **out_name, struct kd_value *out);
