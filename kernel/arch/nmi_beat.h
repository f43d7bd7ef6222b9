/* SPDX-License-Identifier: MIT */
/*
 * A steady NMI on core 0, whatever that core does: the interval timer (pit.h) for those who need one. It beats as often as
 * the one who wants most, and not at all while nobody does.
 */
#pragma once

#include "base/types.h"

#define NMI_BEAT_CPU 0u

enum nmi_beat_user { NMI_BEAT_PROFILE, NMI_BEAT_WATCHDOG, NMI_BEAT_KEYBOARD, NMI_BEAT_USERS };

/*
 * nmi_beat_want() - this user wants at least so many beats per second, PIT_RATE_MIN or more; 0: none, which is how it
 * starts.
 *
 * OK; ERR_NOT_SUPPORTED: this machine's interval timer does not count, or leads nowhere; nobody has a beat then.
 * Context: any, one caller at a time.
 */
status_t nmi_beat_want(enum nmi_beat_user user, unsigned rate) MUST_CHECK;

/* nmi_beat_wanted() - what this user has asked for. */
unsigned nmi_beat_wanted(enum nmi_beat_user user);

/*
 * nmi_beat_take() - beats since the last call; 0: this NMI is not one. nmi_beat_ticks() - from one beat to the next, in
 * TSC ticks. Context: NMI of core NMI_BEAT_CPU. Cost: 6 port accesses, none while nobody wants a beat.
 */
uint64_t nmi_beat_take(void);
tsc_t nmi_beat_ticks(void);
