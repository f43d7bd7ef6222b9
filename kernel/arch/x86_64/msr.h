/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers and control registers by name (Intel SDM vol. 4; vol. 3A, "Control
 * Registers").
 */
#pragma once

#include <stdint.h>

#define IA32_TIME_STAMP_COUNTER 0x10u
#define IA32_APIC_BASE          0x1bu
#define IA32_TSC_ADJUST         0x3bu
#define IA32_MTRR_CAP           0xfeu
#define IA32_SYSENTER_CS        0x174u
#define IA32_PAT                0x277u
#define IA32_EFER               0xc0000080u
#define IA32_STAR               0xc0000081u
#define IA32_LSTAR              0xc0000082u
#define IA32_CSTAR              0xc0000083u
#define IA32_FMASK              0xc0000084u
#define IA32_FS_BASE            0xc0000100u
#define IA32_GS_BASE            0xc0000101u
#define IA32_KERNEL_GS_BASE     0xc0000102u

#define EFER_SCE (1ull << 0)  /* SYSCALL and SYSRET exist */
#define EFER_LME (1ull << 8)  /* long mode */
#define EFER_NXE (1ull << 11) /* the NX bit counts */

#define APIC_BASE_ENABLE  (1ull << 11)
#define APIC_BASE_X2APIC  (1ull << 10)
#define APIC_BASE_ADDRESS 0x000ffffffffff000ull

#define CR0_PE (1ull << 0)
#define CR0_MP (1ull << 1)
#define CR0_EM (1ull << 2)
#define CR0_TS (1ull << 3)
#define CR0_NE (1ull << 5)
#define CR0_WP (1ull << 16)
#define CR0_AM (1ull << 18)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)

#define CR4_DE         (1ull << 3)
#define CR4_PAE        (1ull << 5)
#define CR4_MCE        (1ull << 6)
#define CR4_PGE        (1ull << 7)
#define CR4_OSFXSR     (1ull << 9)
#define CR4_OSXMMEXCPT (1ull << 10)
#define CR4_UMIP       (1ull << 11)
#define CR4_LA57       (1ull << 12)
#define CR4_FSGSBASE   (1ull << 16)
#define CR4_PCIDE      (1ull << 17)
#define CR4_OSXSAVE    (1ull << 18)
#define CR4_SMEP       (1ull << 20)
#define CR4_SMAP       (1ull << 21)

#define RFLAGS_FIXED (1ull << 1)
#define RFLAGS_TF    (1ull << 8)
#define RFLAGS_IF    (1ull << 9)
#define RFLAGS_DF    (1ull << 10)
#define RFLAGS_NT    (1ull << 14)
#define RFLAGS_RF    (1ull << 16)
#define RFLAGS_AC    (1ull << 18)

#define DR7_OFF 0x400ull /* bit 10 always reads as one; no breakpoint enabled */

static inline uint64_t msr_read(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void msr_write(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline uint64_t cr0_read(void)
{
    uint64_t value;
    __asm__ volatile("movq %%cr0, %0" : "=r"(value));
    return value;
}

static inline void cr0_write(uint64_t value)
{
    __asm__ volatile("movq %0, %%cr0" ::"r"(value) : "memory");
}

static inline uint64_t cr4_read(void)
{
    uint64_t value;
    __asm__ volatile("movq %%cr4, %0" : "=r"(value));
    return value;
}

static inline void cr4_write(uint64_t value)
{
    __asm__ volatile("movq %0, %%cr4" ::"r"(value) : "memory");
}

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

/*
 * cpuid_read() - also the serialising instruction we use (Intel SDM vol. 3A, "Serializing
 * Instructions").
 */
static inline struct cpuid cpuid_read(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf)
                     : "memory");
    return r;
}
