/* SPDX-License-Identifier: MIT */
/*
 * The thunks that record calls of traced functions and hits of probes, for the sweep: their emitters are assembly, and have sites.
 */
#pragma once

#include "kernel/abi/trace.h"
#include "trace/sweep/lanes.h"

/* The events, switched on for as long as they are swept. */
struct sweep_thunks {
    struct trace_event_set were_off;
};

/*
 * sweep_thunks_begin() - their events are on and write what the thunks say. NULL, or why not: sweep_thunks_end() is to be called in
 * both cases. Context: as trace_events_change().
 */
const char *sweep_thunks_begin(struct sweep_thunks *thunks);
const char *sweep_thunks_end(const struct sweep_thunks *thunks);

/*
 * sweep_thunk_function() - function.enter and function.exit. sweep_thunk_probe() - probe.hit. Records come into this core's lane;
 * what they must be is in run->outer, before the first of them for what the thunk finds out itself.
 */
void sweep_thunk_function(struct sweep_run *run);
void sweep_thunk_probe(struct sweep_run *run);
