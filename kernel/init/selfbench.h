/* SPDX-License-Identifier: MIT */
/* What the recorder costs, measured by itself: the boot option bench=1. */
#pragma once

/*
 * selfbench_run() - print one line "BENCH key min=TICKS median=TICKS n=COUNT" per measurement, and a calibration line of a loop of known
 * length. Meant for an emulator whose TSC counts instructions. Switches categories and puts back what was on.
 * Context: boot core, before init is started.
 */
void selfbench_run(void);
