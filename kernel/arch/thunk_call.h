/* SPDX-License-Identifier: MIT */
/*
 * Calls of the thunks of functions and probes (function_patch.h, function_probe.h), as a traced function and one with a probe on its
 * entry make them, for code that proves what they record (trace/sweep). Context of both: any.
 */
#pragma once

#include "base/types.h"

/*
 * thunk_call_function() - call a function that does nothing, through function_thunk.
 *
 * @enter, @exit  fields of the two records, function and stack, written before the first of them
 */
void thunk_call_function(uint64_t enter[2], uint64_t exit[2]);

/* thunk_call_probe() - the probe of this number is hit, with FUNCTION_PROBE_VALUES values. */
void thunk_call_probe(uint64_t number, const uint64_t *values);
