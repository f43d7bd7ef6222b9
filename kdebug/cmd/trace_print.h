/* SPDX-License-Identifier: MIT */
/* Choosing the newest events of all lanes, and printing them decoded. */
#pragma once

#include "kdebug/cmd/trace_reader.h"
#include "kdebug/cmd/trace_select.h"

#define KD_EVENTS_MAX 1024u

/* kd_events_collect() - find the newest events that pass, or with filter->is_forward the oldest, at most limit; returns how many.
 * kd_events_show() - print number i, oldest first; with_delta: how long after the one before in place of when. */
unsigned kd_events_collect(const struct kd_event_filter *filter, unsigned limit);
void kd_events_show(unsigned i, bool with_delta);

/* kd_events_find() - when the newest of those collected was written whose field of this name holds the value. False: none
 * is. kd_events_khz() - ticks of that time in a millisecond. */
bool kd_events_find(const char *field, uint64_t value, tsc_t *out);
uint64_t kd_events_khz(void);

/* kd_event_print_text() - print the string field of number i alone, with its time. */
void kd_events_show_log(unsigned i);
