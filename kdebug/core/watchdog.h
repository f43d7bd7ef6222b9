/* SPDX-License-Identifier: MIT */
/* The watchdog: a core that spins with interrupts off enters kdebug. Theory in watchdog.c. */
#pragma once

#include "base/types.h"

#define KD_WATCHDOG_SECONDS_MAX 3600u

/*
 * kd_watchdog_start() - a core that takes no interrupt for so many seconds hangs, from now on; 0: off, which is how it
 * starts.
 *
 * OK; ERR_RANGE: more than KD_WATCHDOG_SECONDS_MAX; ERR_NOT_SUPPORTED: there is no timer that can raise NMIs.
 * Context: after the clock and the interrupt controllers are set up.
 */
status_t kd_watchdog_start(unsigned seconds) MUST_CHECK;

/* kd_watchdog_answer() - of VECTOR_WATCHDOG: this core takes interrupts. Cost: one store. */
void kd_watchdog_answer(void);

/*
 * kd_watchdog_barks() - of each NMI outside of a stop: has this core to enter kdebug? What to tell the person, or NULL.
 * Context: NMI class. Cost: one load while off.
 */
const char *kd_watchdog_barks(void);
