/* SPDX-License-Identifier: MIT */
/* trace functions: which functions of the kernel are traced. */
#pragma once

#include "kdebug/core/command.h"

/*
 * kd_trace_functions() - arguments: nothing (list), or on or off and names of functions, in which '*' stands for any
 * characters; "all". Takes effect when the kernel runs again. Raises with the reason for a function that cannot be traced.
 */
void kd_trace_functions(struct kd_call *call);
