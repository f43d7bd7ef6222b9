/* SPDX-License-Identifier: MIT */
/* Requests that the running kernel carries out after the stop: see kdebug_deferred() in kdebug.h.
 * */
#pragma once

#include "base/types.h"

/* kd_deferred_categories() - switch the trace to these categories once the kernel runs. The last
 * request counts. */
void kd_deferred_categories(uint64_t mask);

/* kd_deferred_wanted() - something is waiting; *out_mask: the categories, if they are to change. */
bool kd_deferred_wanted(uint64_t *out_mask);
