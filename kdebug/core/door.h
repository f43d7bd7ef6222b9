/* SPDX-License-Identifier: MIT */
/*
 * The serial line as a way in: its interrupt is an NMI of core KD_DOOR_CPU, so it gets through whatever that core does.
 * At the prompt the line is polled, and the interrupt shut.
 */
#pragma once

#include "base/types.h"

#define KD_DOOR_CPU 0u /* where the line's NMI goes */

/* kd_door_make() - once at boot: there is a door from now on, and it is open. Cannot fail; without a line to an I/O APIC
 * nobody gets in. kd_door_exists() - it has been made. */
void kd_door_make(void);
bool kd_door_exists(void);

/* kd_door_shut() - the prompt begins to poll, or has come back to that. kd_door_open() - the kernel goes on; with gdb attached
 * its ^C counts, not the escape byte. */
void kd_door_shut(void);
void kd_door_open(void);

/* kd_door_open_here() - until kd_door_shut() the NMI comes to this core. Context: the core at the prompt. */
void kd_door_open_here(void);
