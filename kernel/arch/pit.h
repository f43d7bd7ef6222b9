/* SPDX-License-Identifier: MIT */
/*
 * Channel 0 of the 8254 interval timer as a steady beat on ISA line 0. Every PC has one, and unlike the local APIC timer
 * its interrupt can be delivered as NMI.
 */
#pragma once

#include "base/types.h"

#define PIT_HZ       1193182u
#define PIT_RATE_MIN 19u /* per second: its counter has 16 bits */

/* pit_start() - beat so often per second from now on, PIT_RATE_MIN at least. The first beat is one period away. Returns
 * the period in counts of PIT_HZ. pit_stop() - no more. Context: any, one caller at a time. Cost: 3 port writes. */
unsigned pit_start(unsigned rate);
void pit_stop(void);

/* pit_is_counting() - false: its clock is stopped, as firmware of some machines does to save power. Cost: up to some
 * thousand port reads then. */
bool pit_is_counting(unsigned period);

/* pit_elapsed() - counts of PIT_HZ since the latest beat. Context: any, also NMI class. Cost: 3 port accesses. */
unsigned pit_elapsed(unsigned period);
