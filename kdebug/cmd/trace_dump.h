/* SPDX-License-Identifier: MIT */
/* Sending the rings of the stopped machine as a capture (trace/format/capture.h). */
#pragma once

#include "base/types.h"

/*
 * kd_trace_dump() - write a whole capture: START, SCHEMA, STATUS, each lane's sub-buffers oldest
 * first, STATUS, END.
 *
 * @newest  sub-buffers per lane at most, the newest ones
 * @put     gets the armoured text
 */
void kd_trace_dump(uint64_t newest, void (*put)(char c));
