/* SPDX-License-Identifier: MIT */
/* Faults on request, for the tests of kdebug and of the boot path: the boot option test=NAME. */
#pragma once

#include "base/types.h"

/*
 * selftest_run() - do what test=NAME asks for, half a second after the start of init, on the boot core's idle thread.
 *
 *   panic      panic()                      int3       a breakpoint instruction
 *   nullderef  read address 0x10            assert     a failing VERIFY
 *   spin_cli   every core spins with interrupts off, for ever
 *   stack      run into the guard page of a kernel stack (double fault)
 *   abba       two cores spin, each for the lock that the other has, for ever
 *
 * Unknown names are reported with the list. Returns if the person at the prompt resumes.
 */
void selftest_run(const char *name);

/* selftest_meet() - another core's idle thread waits for test=abba, in which one such core takes part. The others return. */
void selftest_meet(void);
