/* SPDX-License-Identifier: MIT */
/* Choosing the newest events of all lanes, and printing them decoded. */
#pragma once

#include "kdebug/cmd/trace_reader.h"

#define KD_EVENTS_MAX 1024u

struct kd_event_filter {
    char prefix[48]; /* of the event's name; "" any */
    int cpu;         /* -1 any */
};

/* kd_events_collect() - find the newest events that pass, at most limit; returns how many.
 * kd_events_show() - print number i, oldest first. */
unsigned kd_events_collect(const struct kd_event_filter *filter, unsigned limit);
void kd_events_show(unsigned i);

/* kd_events_find() - when the newest of those collected was written whose field of this name holds the value. False: none
 * is. kd_events_khz() - ticks of that time in a millisecond. */
bool kd_events_find(const char *field, uint64_t value, tsc_t *out);
uint64_t kd_events_khz(void);

/* kd_event_print_text() - print the string field of number i alone, with its time. */
void kd_events_show_log(unsigned i);
