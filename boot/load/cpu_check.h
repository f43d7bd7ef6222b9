/* SPDX-License-Identifier: MIT */
/* What the processor must have, what it may have, and which of its flaws Spoor does nothing about. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The words that matter, read by efi/cpu.c; words of leaves that do not exist are 0. */
struct cpu_words {
    char vendor[13];            /* CPUID 0: "GenuineIntel" */
    uint32_t leaf1_edx;         /* CPUID 1 */
    uint32_t leaf7_edx;         /* CPUID 7.0 */
    uint32_t extended1_edx;     /* CPUID 0x80000001 */
    uint32_t extended21_eax;    /* CPUID 0x80000021 */
    uint64_t arch_capabilities; /* IA32_ARCH_CAPABILITIES, 0 without it */
    uint64_t cr4;
    bool is_emulated; /* the hypervisor leaf says TCG: nothing is speculated */
};

/* cpu_find_missing() - the first reason why Spoor cannot run on it: "it lacks ..."; NULL: none. */
const char *cpu_find_missing(const struct cpu_words *words);

bool cpu_has_huge_pages(const struct cpu_words *words);
bool cpu_has_arch_capabilities(const struct cpu_words *words);

/* cpu_needs_kpti() - Meltdown: user mode can read kernel memory unless the kernel is unmapped there. */
bool cpu_needs_kpti(const struct cpu_words *words);
/* cpu_needs_retpolines() - Spectre v2 without a hardware mode (enhanced or automatic IBRS) against it. */
bool cpu_needs_retpolines(const struct cpu_words *words);
