/* SPDX-License-Identifier: MIT */
/* Clocks that do not agree, or come to the end of a counter, for tests. */
#pragma once

/*
 * unequal_clocks() - obey tsc_start=TICKS (what the TSC of every core reads now) and tsc_bias=TICKS,TICKS,... (what cores 0,
 * 1, ... read besides; the word "fixed" at the end: and cannot be set right). Returns what is wrong with the options, NULL if
 * nothing. Context: boot core, before anything is recorded or timed.
 */
const char *unequal_clocks(const char *cmdline);
