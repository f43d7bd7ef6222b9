/* SPDX-License-Identifier: MIT */
/* trace filter: which records of an event are written. */
#pragma once

#include "kdebug/core/command.h"

/*
 * kd_trace_filter() - arguments: nothing (list), EVENT off, or
 *     EVENT FIELD OPERATOR VALUE [and|or FIELD OPERATOR VALUE]...
 * "and" binds tighter than "or". VALUE is an expression or a name of the field's enum. Takes effect
 * when the kernel runs again. Raises for what cannot be.
 */
void kd_trace_filter(struct kd_call *call);
