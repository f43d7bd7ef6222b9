/* SPDX-License-Identifier: MIT */
#include "kdebug/x86_64/hardware.h"

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/x86_64/msr.h"
#include "kdebug/core/guard.h"

/* What a number does not name is a #GP, which comes back to the guard. */
bool kd_msr_read(uint32_t number, uint64_t *out)
{
    struct kd_guard guard;
    if (KD_GUARD(guard)) {
        *out = msr_read(number);
        kd_guard_leave(&guard);
        return true;
    }
    return false;
}

bool kd_msr_write(uint32_t number, uint64_t value)
{
    struct kd_guard guard;
    if (KD_GUARD(guard)) {
        msr_write(number, value);
        kd_guard_leave(&guard);
        return true;
    }
    return false;
}

#define DEBUGCTL     0x1d9u /* IA32_DEBUGCTL */
#define DEBUGCTL_LBR 1u

void kd_branches_freeze(void)
{
    if (kd_branches_on[cpu_id()]) {
        msr_write(DEBUGCTL, 0);
    }
}

void kd_branches_thaw(void)
{
    if (kd_branches_on[cpu_id()]) {
        msr_write(DEBUGCTL, DEBUGCTL_LBR);
    }
}

void kd_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    struct cpuid cpuid = cpuid_read(leaf, subleaf);
    out[0] = cpuid.eax;
    out[1] = cpuid.ebx;
    out[2] = cpuid.ecx;
    out[3] = cpuid.edx;
}

uint32_t kd_device_read(paddr_t pa)
{
    return *(volatile uint32_t *)phys_to_virt(pa);
}

void kd_device_write(paddr_t pa, uint32_t value)
{
    *(volatile uint32_t *)phys_to_virt(pa) = value;
}
