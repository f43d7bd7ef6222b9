/* SPDX-License-Identifier: MIT */
/* Which events are on, which are hooked: the two maps from which text_patch derives the form of every site. */
#pragma once

#include "base/types.h"

/*
 * trace_categories_set() - switch events so that exactly these categories (TRACE_CATEGORY_*) are on; patches text.
 * Context: thread, no lock held.
 */
status_t trace_categories_set(uint64_t mask) MUST_CHECK;
uint64_t trace_categories(void);

/* trace_switch_hooked() - sites of this event, where it is on, ask its hook (hook.h) or do not. Context: as above. */
status_t trace_switch_hooked(unsigned event, bool hooked) MUST_CHECK;

/* trace_switch_times() - the sites of the entry stubs that are no events (sched/times.h). Context: as above. */
status_t trace_switch_times(bool on) MUST_CHECK;
