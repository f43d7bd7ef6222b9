/* SPDX-License-Identifier: MIT */
/*
 * How people choose events: the words of the boot option trace=LIST and of kdebug's `trace on`.
 *
 *     all   none   CATEGORY   EVENT   BEGINNING OF EVENTS (sched.thread)   and any of them behind '-': not these
 *
 * What happens on a thread is drawn on that thread, and only its switches tell which one that is: such a word brings
 * them along (trace_with_threads()).
 */
#pragma once

#include "base/types.h"
#include "kernel/abi/trace.h"

/* trace_choice_add() - obey one word, length bytes long. False: it names nothing, and the set is as before. Context: any. Pure. */
bool trace_choice_add(struct trace_event_set *set, const char *word, size_t length) MUST_CHECK;

/* trace_choice_categories() - put all events of these categories (TRACE_CATEGORY_*) into the set. */
void trace_choice_categories(struct trace_event_set *set, uint64_t mask);
