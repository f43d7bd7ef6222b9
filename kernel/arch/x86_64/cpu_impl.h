/* SPDX-License-Identifier: MIT */
/*
 * What a core has beyond struct cpu: descriptor tables, stacks of the exception classes, debug
 * control.
 */
#pragma once

#include "arch/cpu.h"
#include "base/types.h"
#include "gen/layout.h"

/*
 * Selectors, in the order SYSCALL and SYSRET demand (Intel SDM vol. 2B, "SYSRET": CS = STAR[63:48]
 * + 16, SS = + 8).
 */
#define SELECTOR_KERNEL_CODE 0x08u
#define SELECTOR_KERNEL_DATA 0x10u
#define SELECTOR_USER_BASE   0x18u /* never present: no way into 32-bit mode; SYSRET adds to it */
#define SELECTOR_USER_DATA   0x23u
#define SELECTOR_USER_CODE   0x2bu
#define SELECTOR_TSS         0x30u
#define GDT_ENTRIES          8u

/* Entries of the interrupt stack table; 0 means none. */
enum ist {
    IST_NONE = 0,
    IST_NMI = 1,
    IST_DEBUG = 2,
    IST_MACHINE_CHECK = 3,
    IST_DOUBLE_FAULT = 4,
};

/* Intel SDM vol. 3A, "TSS in 64-bit Mode". */
struct PACKED tss {
    uint32_t reserved_0;
    uint64_t rsp[3];
    uint64_t reserved_28;
    uint64_t ist[7]; /* ist[n - 1] is IST n */
    uint64_t reserved_92;
    uint16_t reserved_100;
    uint16_t io_map; /* past the limit: no port is open to user mode */
};
static_assert(sizeof(struct tss) == 104, "as the CPU reads it");

/*
 * One NMI level leaves at most this much on the work stack before it moves to a stack of its own
 * (kdebug's).
 */
#define NMI_SLOT_BYTES 4096u

/*
 * The last 16 bytes of each exception stack hold the address of the core's struct cpu_arch: the
 * entry stub finds it there whatever GS says. Below each stack lies a page that
 * kernel_stack_guard_boot() unmaps once the kernel's page tables can be changed.
 */
#define GUARD _Alignas(PAGE_BYTES) uint8_t

struct cpu_stacks {
    GUARD boot_guard[PAGE_BYTES];
    uint8_t boot[8192];
    GUARD nmi_work_guard[PAGE_BYTES];
    uint8_t nmi_work[4 * NMI_SLOT_BYTES];
    GUARD debug_guard[PAGE_BYTES];
    uint8_t debug[8192];
    GUARD double_fault_guard[PAGE_BYTES];
    uint8_t double_fault[8192];
    GUARD machine_check_guard[PAGE_BYTES];
    uint8_t machine_check[4096];
    GUARD nmi_guard[PAGE_BYTES];
    uint8_t nmi[PAGE_BYTES]; /* only until the stub has moved the frame to nmi_work */
};
static_assert(sizeof(struct cpu_stacks) % PAGE_BYTES == 0, "pages below are unmapped");

/* The first fields are known to entry.asm (percpu.inc); percpu.c checks. */
struct cpu_arch {
    struct cpu *cpu;           /* 0  */
    uint64_t nmi_stack_top;    /* 8  */
    uint64_t nmi_stack_bottom; /* 16 */
    uint64_t dr7; /* 24 what DR7 becomes when the core leaves the NMI class; kdebug writes it */
    uint32_t nmi_depth;   /* 32 NMIs being served, one inside the other */
    uint32_t class_depth; /* 36 NMI-class entries being served, of any kind */
    struct tss tss;
    _Alignas(8) uint64_t gdt[GDT_ENTRIES];
};

extern struct cpu_arch cpu_archs[CPU_MAX];
extern struct cpu_stacks cpu_stacks[CPU_MAX];

/*
 * What this machine's CPUs can do, read once on the boot core. One table, so that nothing else
 * executes CPUID.
 */
struct cpu_features {
    bool huge_pages;
    bool pcid;
    bool smep;
    bool smap;
    bool umip;
    bool xsave;
    bool pat;
    bool global_pages;
    bool machine_check;
    bool invariant_tsc;
    bool tsc_adjust;
};
extern struct cpu_features cpu_features;

/*
 * cpu_init_core() - tables, MSRs and control registers of the core this runs on. cpu->id and
 * apic_id are set.
 */
void cpu_init_core(struct cpu *cpu);

/*
 * cpu_initial_apic_id() - of this core, as CPUID tells it before any register of the APIC is
 * mapped.
 */
uint32_t cpu_initial_apic_id(void);

/*
 * gdt_load_core() - build and load GDT and TSS, reload all segment registers, set GS base to cpu.
 */
void gdt_load_core(struct cpu *cpu);

/* idt_init() builds the one table all cores share; idt_load() makes this core use it. */
void idt_init(void);
void idt_load(void);

/*
 * segments_load() - entry.asm: LGDT, all selectors, LTR, GS base. A C function could not: it would
 * use gs:40 between.
 */
struct PACKED descriptor_pointer {
    uint16_t limit;
    uint64_t base;
};
void segments_load(const struct descriptor_pointer *gdt, struct cpu *cpu);

/*
 * ap_main() - first C code of another core, on its boot stack; never returns. Called by ap_entry
 * (entry.asm).
 */
NORETURN void ap_main(struct cpu *cpu);
