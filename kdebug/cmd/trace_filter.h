/* SPDX-License-Identifier: MIT */
/* trace filter: which records of an event are written. */
#pragma once

#include "kdebug/core/command.h"

/*
 * kd_trace_filter() - arguments: nothing (list), EVENT off, or
 *     EVENT FIELD OPERATOR VALUE [and|or FIELD OPERATOR VALUE]...
 * "and" binds tighter than "or". VALUE is an expression or a name of the field's enum. Takes effect
 * when the kernel runs again. Raises for what cannot be.
 */
void kd_trace_filter(struct kd_call *call);

/* Parts of that for other commands. kd_trace_take_*() - the next words name an event, one of its fields, conditions on them up to
 * the end of the line (at most TRACE_CONDITIONS_MAX, returns how many). Raise if not. */
struct trace_event_info;
struct trace_field;
struct trace_condition;
unsigned kd_trace_take_event(struct kd_call *call);
unsigned kd_trace_take_field(struct kd_call *call, const struct trace_event_info *info);
unsigned kd_trace_take_conditions(struct kd_call *call, const struct trace_event_info *info,
                                  struct trace_condition *to);
void kd_trace_show_value(const struct trace_field *field, uint64_t value);
void kd_trace_show_conditions(unsigned event, const struct trace_condition *conditions,
                              unsigned count);
