/* SPDX-License-Identifier: MIT */
/*
 * Lines with a name, kept from one stop to the next. A statement that is a macro's name runs its line. "enter" and "enter.REASON"
 * run by themselves on the way in, in this order: scripts by entry reason.
 */
#pragma once

#include "base/types.h"

#define KD_MACRO_NAME_BYTES 24u
#define KD_MACRO_LINE_BYTES 256u

/* kd_macro_set() - make or change one; an empty line takes it away. False: name or line are too long, or there are too many. */
bool kd_macro_set(const char *name, const char *line, size_t length);

/* kd_macro_get() - the line of this name, which need not end there; NULL: there is none. */
const char *kd_macro_get(const char *name, size_t length);

/* kd_macro_number() - macro i. False: there are fewer. */
bool kd_macro_number(unsigned i, const char **out_name, const char **out_line);

/* kd_macro_run() - its line, if there is such a macro. Does not raise. */
void kd_macro_run(const char *name);

/* kd_macro_enter() - what is to be run on the way in for this reason. Does not raise. */
void kd_macro_enter(const char *reason);
