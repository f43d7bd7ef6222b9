/* SPDX-License-Identifier: MIT */
/* trace count: events that are counted where they happen (trace/ring/aggregate.h). */
#pragma once

#include "kdebug/core/command.h"

/*
 * kd_trace_count() - arguments: nothing (show all), EVENT off, or EVENT [by FIELD [FIELD]] [of FIELD] [if CONDITIONS as of trace
 * filter]. Takes effect when the kernel runs again. Raises for what cannot be.
 */
void kd_trace_count(struct kd_call *call);
