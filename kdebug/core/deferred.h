/* SPDX-License-Identifier: MIT */
/* Requests that the running kernel carries out after the stop: see kdebug_deferred() in kdebug.h.
 * */
#pragma once

#include "base/types.h"
#include "kernel/abi/trace.h"

#define KD_DEFERRED_FILTERS_MAX  8u
#define KD_DEFERRED_TRIGGERS_MAX 8u

/* kd_deferred_events() - exactly these events are on once the kernel runs. The last request counts. */
void kd_deferred_events(const struct trace_event_set *wanted);

/* kd_deferred_wanted() - are events to be switched? *out: to what. */
bool kd_deferred_wanted(struct trace_event_set *out);

/* kd_deferred_hook() - give an event a filter, as trace_hook_set() does, or with a grouping count it, as trace_hook_aggregate() does.
 * False: too many requests are waiting. */
struct trace_grouping;
bool kd_deferred_hook(unsigned event, const struct trace_condition *conditions, unsigned count,
                      const struct trace_grouping *grouping);

/* kd_deferred_trigger() - set a trigger, as trace_trigger_set() does, or with wish NULL clear that of the event. False: as above. */
bool kd_deferred_trigger(unsigned event, const struct trace_trigger_wish *wish);

/* kd_deferred_probe(), kd_deferred_unprobe() - set a probe, or take one away (trace/probe/probe.h). False: as above. */
#define KD_DEFERRED_PROBES_MAX 8u
struct probe;
bool kd_deferred_probe(const struct probe *plan);
bool kd_deferred_unprobe(unsigned number);

/* kd_deferred_function() - trace the functions of this name, or no more (function_trace_change()). False: too many requests are
 * waiting, or it is too long. */
#define KD_DEFERRED_FUNCTIONS_MAX 8u
#define KD_PATTERN_BYTES          48u
bool kd_deferred_function(const char *pattern, bool on);

/* kd_deferred_times() - count user and kernel time, or no more. */
void kd_deferred_times(bool on);

/* kd_deferred_rings() - make the rings of normal lanes anew (trace_rings_make()). */
void kd_deferred_rings(uint64_t bytes, bool keeps_oldest);

/* kd_deferred_sweep() - the interruption sweep, and then back to the prompt, which says how it went. */
void kd_deferred_sweep(void);

/* kd_deferred_control() - hold, release or end a thread or process: control.h. False: too many requests are waiting. */
struct kd_control;
bool kd_deferred_control(const struct kd_control *request);

/* kd_deferred_any() - is anything waiting? */
bool kd_deferred_any(void);
