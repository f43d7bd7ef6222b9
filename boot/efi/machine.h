/* SPDX-License-Identifier: MIT */
/* What the loader finds out about the machine for the kernel. */
#pragma once

#include "boot/efi/firmware.h"
#include "kernel/abi/handoff.h"

/*
 * machine_check_cpu() - complain if Spoor cannot run here; say which known flaws it does nothing about.
 * @out_has_huge_pages  1 GiB pages
 */
EFI_STATUS machine_check_cpu(bool *out_has_huge_pages);

/* machine_describe() - fill in ACPI, framebuffer, time and boot id. Cannot fail; what is not there stays 0. */
void machine_describe(struct handoff *handoff);

/* machine_tsc() - the time-stamp counter. */
static inline uint64_t machine_tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}
