/* SPDX-License-Identifier: MIT */
/* What kernel code needs when it runs in a host test: per-core data in GS, locks that need no core, panics that fail the test. */
#pragma once

#include <stdint.h>

extern uint32_t support_process; /* whose thread runs, as hook_current_process() says */

/* support_begin() - point GS base at cpus[cpu], as the kernel's entry code would. cmocka group or test setup. */
void support_begin(unsigned cpu);
