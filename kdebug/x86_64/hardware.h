/* SPDX-License-Identifier: MIT */
/* Registers of the live machine that are no memory: only commands marked KD_IO and KD_LIVE get here. */
#pragma once

#include "base/types.h"

/* kd_msr_read() / kd_msr_write() - of the core at the prompt. False: it has none of this number, or does not take the value. */
bool kd_msr_read(uint32_t number, uint64_t *out);
bool kd_msr_write(uint32_t number, uint64_t value);

/* kd_cpuid() - eax, ebx, ecx, edx of a leaf. */
void kd_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

/* kd_device_read() / kd_device_write() - 32 bits of a device's memory, by physical address in the direct map. */
uint32_t kd_device_read(paddr_t pa);
void kd_device_write(paddr_t pa, uint32_t value);
