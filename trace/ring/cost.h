/* SPDX-License-Identifier: MIT */
/*
 * What the recorder itself costs. Its fast path counts nothing of this: emitters run straight through, so how many
 * instructions a record costs is known once the kernel is linked. tools/gen/costs.py counts them in the object code, the
 * second link puts the table into the image, and the capture tells it as events trace.cost.
 *
 *     instructions of a core = sum over its records of instructions + per_word * words of string
 *
 * is an upper bound: the dearest of an event's sites stands for all. Not in it: hooks, and the change of sub-buffers (less
 * than one instruction per record).
 */
#pragma once

#include "base/types.h"

/* A row of the table, by event id; part of costs.py. */
struct trace_cost {
    uint16_t instructions; /* from the jump at the site to the jump back; 0: no site, not counted */
    uint16_t per_word;     /* more for each word of a string */
};

/* trace_costs_tell() - write trace.cost for each event with a site, into the meta lane. Once, when the rings are there. */
void trace_costs_tell(void);
