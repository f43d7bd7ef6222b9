/* SPDX-License-Identifier: MIT */
/* Requests that the running kernel carries out after the stop: see kdebug_deferred() in kdebug.h.
 * */
#pragma once

#include "base/types.h"
#include "kernel/abi/trace.h"

#define KD_DEFERRED_FILTERS_MAX 8u

/* kd_deferred_events() - exactly these events are on once the kernel runs. The last request counts. */
void kd_deferred_events(const struct trace_event_set *wanted);

/* kd_deferred_wanted() - are events to be switched? *out: to what. */
bool kd_deferred_wanted(struct trace_event_set *out);

/* kd_deferred_filter() - give an event a filter, as trace_hook_set() does. False: too many
 * requests are waiting. */
bool kd_deferred_filter(unsigned event, const struct trace_condition *conditions, unsigned count);

/* kd_deferred_times() - count user and kernel time, or no more. */
void kd_deferred_times(bool on);

/* kd_deferred_any() - is anything waiting? */
bool kd_deferred_any(void);
