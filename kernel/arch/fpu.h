/* SPDX-License-Identifier: MIT */
/*
 * The registers of FPU, SSE and AVX, and the segment bases: what user threads have beyond the
 * general registers. The kernel itself uses none of them.
 *
 * F1  CR0.TS is clear exactly while the running thread's FPU state is in the registers. Everybody
 *     else's first use raises #NM.
 * F2  A thread that does not run has its state in its area, complete.
 * So a thread that never touches the FPU costs no instruction anywhere. Rejected: restoring at
 * each switch (every integer-only phase of a program would pay), and leaving the registers of a
 * thread on its last core until somebody else wants them (it could not run elsewhere without an
 * IPI).
 */
#pragma once

#include "base/types.h"

/* fpu_init_core() - let user mode use what the CPU has, with TS set. Each core, at boot. */
void fpu_init_core(void);

/* fpu_area_bytes() - size of what a thread needs; the same on all cores. After fpu_init_core(). */
size_t fpu_area_bytes(void);

/* fpu_area_init() - the state of a thread that begins: all registers zero, no exceptions. */
void fpu_area_init(void *area);

/*
 * fpu_load() - open the FPU with the state of the running thread. fpu_save() - put the state into
 * the area and shut the FPU. Context: interrupts off, the thread's own core; the area is 64-byte
 * aligned. Source: Intel SDM vol. 1, "Operation of XSAVE"; vol. 3A, "Using the TS Flag to Control
 * the Saving of the x87 FPU and SSE State".
 */
void fpu_load(const void *area);
void fpu_save(void *area);

/*
 * user_bases_load() - FS and GS base as user mode sees them. Both lower-half addresses: another
 * would raise #GP. Context: interrupts off. Cost: two WRMSR.
 */
void user_bases_load(vaddr_t fs, vaddr_t gs);
