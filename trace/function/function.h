/* SPDX-License-Identifier: MIT */
/*
 * Tracing functions of the kernel: each call of a chosen one becomes function.enter and function.exit, with its place on
 * the stack. arch/function_patch.h says how a function is hooked, README.md what a reader can make of it.
 */
#pragma once

#include "arch/function_patch.h"

/*
 * function_trace_change() - trace the functions of this name, or no more.
 *
 * @pattern  length bytes; '*' stands for any characters, "all" for every function. What gcc appends to the name of a
 *           specialised copy (".constprop.0") does not count.
 *
 * Returns OK; ERR_NOT_FOUND no function with a slot has such a name; ERR_NOT_SUPPORTED there are, but none makes a frame.
 * Context: thread, no lock held; patches text (text_patch.h). Takes trace_switch_lock.
 */
status_t function_trace_change(const char *pattern, size_t length, bool on) MUST_CHECK;

/* function_trace_check() - whether function_trace_change() would obey. Context: any. */
status_t function_trace_check(const char *pattern, size_t length) MUST_CHECK;

/* function_trace_list() - the same for a list of patterns with commas between; "-" in front: no more. Returns the first
 * pattern that could not be obeyed, NULL: none. *out_length: of it. */
const char *function_trace_list(const char *list, size_t *out_length);

/* function_pattern_matches() - the rule for names above. Pure. */
bool function_pattern_matches(const char *pattern, size_t length, const char *name);
