/* SPDX-License-Identifier: MIT */
/*
 * Which events are on, which are hooked: the two maps from which text_patch derives the form of every site. Any number of
 * events changes in one batch, that is in one rendezvous of the cores.
 */
#pragma once

#include "base/types.h"
#include "kernel/abi/trace.h"

/* Over the maps, the hooks and the sites together: whoever changes one of them sees none half changed. */
struct spinlock;
extern struct spinlock trace_switch_lock;

/*
 * trace_events_change() - switch events; patches text. Those of the categories trace and life are always on.
 * Recording that is held goes on. ERR_BAD_ARGUMENT: there is no such event. Context: thread, no lock held. Takes trace_switch_lock.
 */
status_t trace_events_change(const struct trace_event_change *change) MUST_CHECK;

/*
 * trace_events_hold() - no event is on until the next trace_events_change(), even one that changes nothing; which
 * are wanted stays known. The rings keep what they have. Context: as above.
 */
void trace_events_hold(void);
extern bool trace_is_held; /* for whoever only looks */

/* trace_event_is_on(), trace_event_is_hooked() - the form that its sites have now, for who has no site. Context: any. */
bool trace_event_is_on(unsigned event);
bool trace_event_is_hooked(unsigned event);

/* trace_categories_set() - as trace_events_change(), so that exactly the events of these categories (TRACE_CATEGORY_*) are on. */
status_t trace_categories_set(uint64_t mask) MUST_CHECK;

/* What is on, for whoever only looks. trace_categories() - the categories of which any event is. Context: any. */
extern struct trace_event_set trace_events_on;
uint64_t trace_categories(void);

/* trace_switch_hooked() - sites of this event, where it is on, ask its hook (hook.h) or do not. Context: as above, with trace_switch_lock held. */
status_t trace_switch_hooked(unsigned event, bool is_hooked) MUST_CHECK;

/* trace_switch_times() - the sites of the entry stubs that are no events (sched/times.h). Context: as above. */
status_t trace_switch_times(bool on) MUST_CHECK;
