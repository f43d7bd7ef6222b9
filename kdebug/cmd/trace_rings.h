/* SPDX-License-Identifier: MIT */
/* The rings of normal lanes: part of the command trace. */
#pragma once

#include "kdebug/core/command.h"

/* kd_trace_rings() - arguments: [BYTES | most] [oldest]. Make them anew once the kernel runs (trace_rings_make()). */
void kd_trace_rings(struct kd_call *call);
