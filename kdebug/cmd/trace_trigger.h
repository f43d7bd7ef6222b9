/* SPDX-License-Identifier: MIT */
/* trace trigger, trace break: what happens when an event matches. */
#pragma once

#include "kdebug/core/command.h"

/*
 * kd_trace_trigger() - arguments: nothing (list), EVENT off, or
 *     mark | stop [N] | snapshot | kdebug   EVENT [of PROCESS] [more N within NS] [if FIELD OPERATOR VALUE [and|or ...]]
 * Takes effect when the kernel runs again. Raises for what cannot be.
 */
void kd_trace_trigger(struct kd_call *call);

/*
 * kd_trace_break() - enter kdebug at an event, perhaps by what came before:
 *     EVENT [of PROCESS] [more N within NS] [if ...]     N: at most TRACE_BURST_MAX, of those that match
 *     EVENT KEY later NS after FIRST KEY [if ...]        conditions on EVENT
 *     FIRST KEY without EVENT KEY within NS [if ...]     conditions on FIRST
 * KEY: a field by whose value the two belong together; "self", the thread that runs.
 */
void kd_trace_break(struct kd_call *call);
