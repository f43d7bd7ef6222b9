/* SPDX-License-Identifier: MIT */
/*
 * trace mark: letters that stand for events.
 *
 * A mark says where a record is and when it was written, and lives in the debugger from one stop to the next: the rings stay as
 * they are. When its record is overwritten it still says when that was.
 */
#pragma once

#include "kdebug/cmd/trace_print.h"
#include "kdebug/core/command.h"

/* kd_trace_mark() - arguments: nothing (list), LETTER off, or LETTER and what kd_events_select() takes: the Nth newest that
 * passes, or the Nth from a time on; 1 if there is no N. Raises if there is none. */
void kd_trace_mark(struct kd_call *call, bool previous);

/* kd_trace_mark_take() - if the next word is a letter: the time of that mark. Raises if that has not been set, or in the other boot. */
bool kd_trace_mark_take(struct kd_call *call, bool previous, tsc_t *out);

/* kd_trace_mark_of() - the first letter that stands for this event of a boot; 0: none does. */
char kd_trace_mark_of(uint64_t boot_id, const struct kd_event_place *place);
