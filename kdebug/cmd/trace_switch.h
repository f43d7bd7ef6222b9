/* SPDX-License-Identifier: MIT */
/* Which events are recorded: the parts of the command trace that show and change it. */
#pragma once

#include "kdebug/core/command.h"

/* kd_trace_show_on() - one line: categories that are on as a whole, and single events; a second one if that is to change. */
void kd_trace_show_on(void);

/* kd_trace_list_events() - arguments: [EVENT]. Each event of that name or beginning, and whether it is on. */
void kd_trace_list_events(struct kd_call *call);

/* kd_trace_switch() - arguments: names of events or categories (trace/ring/choice.h). From the end of the stop on. */
void kd_trace_switch(struct kd_call *call, bool on);
