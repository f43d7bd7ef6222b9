/* SPDX-License-Identifier: MIT */
/* The lanes of programs: part of the command trace. */
#pragma once

#include "kdebug/core/command.h"

/* kd_trace_user() - arguments: [PROCESS [N]]. All lanes; or the newest N slots of one, read or not, committed or not. */
void kd_trace_user(struct kd_call *call);
