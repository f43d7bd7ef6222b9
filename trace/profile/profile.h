/* SPDX-License-Identifier: MIT */
/*
 * The sampling profiler: where every core that does something stands, kernel and user stack, at a steady rate.
 *
 * The beat is the interval timer's, delivered to core 0 as NMI, so that kernel code is seen, which runs with
 * interrupts off; core 0 passes it on to the cores that run a thread. Samples go into the NMI lanes as
 * profile.sample and profile.stack.
 *
 * F1  Nothing waits, no lock is taken, no memory is touched that may not be there: user memory is reached through the
 *     page tables and the direct map. This core is not reading them with stale trust: tables and frames are reused
 *     only after it has acknowledged a shootdown, which it does not do meanwhile.
 * F2  profile.sample names a stack by a number that a profile.stack before it in the same sub-buffer has defined: each
 *     sub-buffer decodes alone, and a stack that comes again costs 16 bytes.
 * F3  A stack is cut where it cannot be followed; no frame is guessed. Beats that gave no sample are counted
 *     (field missed).
 */
#pragma once

#include "arch/frame.h"
#include "base/types.h"

#define PROFILE_RATE_MAX 10000u

/*
 * profile_set_rate() - so many samples per second of each core that runs a thread; 0: none, which is how it starts.
 *
 * OK; ERR_RANGE: not 0, and not from PIT_RATE_MIN to PROFILE_RATE_MAX; ERR_NOT_SUPPORTED: this
 * machine's interval timer does not count; there are no samples then. Context: any, one caller at a time.
 * Samples are recorded while the category profile is on.
 */
status_t profile_set_rate(unsigned rate) MUST_CHECK;
unsigned profile_rate(void);

/*
 * profile_nmi() - of every NMI first. Takes a sample if one is due. True: the NMI is explained by that; what else may
 * have raised one at the same time must still be looked at.
 * Context: NMI class, NMI lane.
 */
bool profile_nmi(const struct trap_frame *frame);
