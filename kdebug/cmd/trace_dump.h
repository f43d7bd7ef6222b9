/* SPDX-License-Identifier: MIT */
/* Sending the rings of the stopped machine as a capture (trace/format/capture.h). */
#pragma once

#include "base/types.h"

struct kd_dump_wish {
    bool previous;         /* the rings of the boot before */
    uint64_t newest;       /* sub-buffers per lane at most, the newest ones */
    uint64_t first, count; /* lines of the armour (core/armour.h) */
};

/*
 * kd_trace_dump() - write a whole capture: START, SCHEMA, STATUS, each lane's sub-buffers oldest
 * first, STATUS, END; or some lines of it again, which are the same as long as the machine stands still.
 *
 * @put     gets the armoured text
 */
void kd_trace_dump(const struct kd_dump_wish *wish, void (*put)(char c));
