/* SPDX-License-Identifier: MIT */
/* The generated emitters in a table, for code that emits every event there is. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "gen/trace_events.h"

struct trace_lane;

/* value: the fields in their order but a string, which is text and bytes. */
typedef void (*trace_emit_any_fn)(struct trace_lane *lane, const uint64_t *value, const char *text,
                                  size_t bytes);

/* By event; NULL: there is none, or it goes to the meta lane. */
extern const trace_emit_any_fn trace_emit_any[TRACE_EVENT_COUNT];
