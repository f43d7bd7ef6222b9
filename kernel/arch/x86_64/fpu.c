/* SPDX-License-Identifier: MIT */
/* FPU state by XSAVE, or by FXSAVE where there is none; user segment bases. */
#include "arch/fpu.h"

#include "arch/x86_64/cpu_impl.h"
#include "arch/x86_64/msr.h"
#include "base/string.h"

/* Intel SDM vol. 1, "Layout of the XSAVE Area": legacy region, header, extended region. */
#define LEGACY_BYTES 512u
#define HEADER_BYTES 64u
#define FCW_OFFSET   0u
#define MXCSR_OFFSET 24u
#define FCW_START    0x037fu /* all exceptions masked, extended precision */
#define MXCSR_START  0x1f80u /* the same for SSE */

#define XCR0_X87     1u
#define XCR0_SSE     2u
#define XCR0_AVX     4u
#define XCR0_AVX_512 0xe0u /* opmask and the two upper halves: together or not at all */

static uint32_t state_mask; /* XCR0; 0: no XSAVE */
static size_t area_bytes = LEGACY_BYTES + HEADER_BYTES;

static uint32_t choose_mask(void)
{
    uint32_t has = cpuid_read(0xd, 0).eax;
    uint32_t mask = XCR0_X87 | XCR0_SSE | (has & XCR0_AVX);
    if ((has & (XCR0_AVX | XCR0_AVX_512)) == (XCR0_AVX | XCR0_AVX_512)) {
        mask |= XCR0_AVX_512;
    }
    return mask;
}

void fpu_init_core(void)
{
    cr0_write((cr0_read() & ~CR0_EM) | CR0_TS | CR0_MP | CR0_NE);
    cr4_write(cr4_read() | CR4_OSFXSR | CR4_OSXMMEXCPT);
    if (!cpu_features.xsave) {
        return;
    }
    cr4_write(cr4_read() | CR4_OSXSAVE);
    state_mask = choose_mask();
    __asm__ volatile("xsetbv" ::"c"(0), "a"(state_mask), "d"(0));
    area_bytes = cpuid_read(0xd, 0).ebx; /* for what XCR0 has on now */
}

size_t fpu_area_bytes(void)
{
    return area_bytes;
}

void fpu_area_init(void *area)
{
    /* A header of zeros makes XRSTOR give every register its first value; MXCSR is always read. */
    memset(area, 0, LEGACY_BYTES + HEADER_BYTES);
    memcpy((uint8_t *)area + FCW_OFFSET, &(uint16_t){FCW_START}, sizeof(uint16_t));
    memcpy((uint8_t *)area + MXCSR_OFFSET, &(uint32_t){MXCSR_START}, sizeof(uint32_t));
}

void fpu_load(const void *area)
{
    __asm__ volatile("clts" ::: "memory");
    if (state_mask != 0) {
        __asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"(state_mask), "d"(0) : "memory");
    } else {
        __asm__ volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
    }
}

void fpu_save(void *area)
{
    if (state_mask != 0) {
        __asm__ volatile("xsave64 (%0)" ::"r"(area), "a"(state_mask), "d"(0) : "memory");
    } else {
        __asm__ volatile("fxsave64 (%0)" ::"r"(area) : "memory");
    }
    cr0_write(cr0_read() | CR0_TS);
}

void user_bases_load(vaddr_t fs, vaddr_t gs)
{
    msr_write(IA32_FS_BASE, fs);
    msr_write(IA32_KERNEL_GS_BASE, gs); /* what SWAPGS gives user mode */
}
