/* SPDX-License-Identifier: MIT */
/* Choosing the newest events of all lanes, and printing them decoded. */
#pragma once

#include "kdebug/cmd/trace_reader.h"
#include "kdebug/cmd/trace_select.h"

#define KD_EVENTS_MAX 1024u

/* Where an event is, and what stands around it there. */
struct kd_event_place {
    tsc_t tsc;
    vaddr_t record;
    uint32_t current;
    uint16_t lane;
    uint16_t cpu;
    uint8_t kind;
};

/* kd_events_collect() - find the newest events that pass, or with filter->is_forward the oldest, at most limit; returns how many.
 * kd_events_show() - print number i, oldest first, with the time that the filter asks for. */
unsigned kd_events_collect(const struct kd_event_filter *filter, unsigned limit);
void kd_events_show(unsigned i, const struct kd_event_filter *filter);

/* kd_event_place() - of number i. kd_event_show_place() - print the event that is there, "(gone)" if it has been overwritten: of
 * the boot that kd_events_collect() or kd_events_begin() was about last. */
const struct kd_event_place *kd_event_place(unsigned i);
void kd_event_show_place(const struct kd_event_place *place);

/* kd_events_begin() - what follows is about this boot, none of whose events is collected. Raises if it left no trace. */
void kd_events_begin(bool previous);

/* kd_events_find() - when the newest of those collected was written whose field of this name holds the value. False: none
 * is. kd_events_khz() - ticks of that time in a millisecond. */
bool kd_events_find(const char *field, uint64_t value, tsc_t *out);
uint64_t kd_events_khz(void);

/* kd_event_print_text() - print the string field of number i alone, with its time. */
void kd_events_show_log(unsigned i);
