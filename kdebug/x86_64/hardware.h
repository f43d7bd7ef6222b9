/* SPDX-License-Identifier: MIT */
/* Registers of the live machine that are no memory: only commands marked KD_IO and KD_LIVE get here. */
#pragma once

#include "base/types.h"

/* kd_msr_read() / kd_msr_write() - of the core at the prompt. False: it has none of this number, or does not take the value. */
bool kd_msr_read(uint32_t number, uint64_t *out);
bool kd_msr_write(uint32_t number, uint64_t value);

/* kd_branches_freeze() / kd_branches_thaw() - this core stops, or goes on: it writes no records of branches, or does again. Called on
 * each core at each stop. */
extern bool kd_branches_on[]; /* by core; `branches` sets it */
void kd_branches_freeze(void);
void kd_branches_thaw(void);

/* kd_branches_show() - print those of the core at the prompt, and let it write them or not. False: its processor has none. */
bool kd_branches_show(unsigned cpu, bool on);

/* kd_cpuid() - eax, ebx, ecx, edx of a leaf. */
void kd_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

/* kd_device_read() / kd_device_write() - 32 bits of a device's memory, by physical address in the direct map. */
uint32_t kd_device_read(paddr_t pa);
void kd_device_write(paddr_t pa, uint32_t value);
