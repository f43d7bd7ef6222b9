/* SPDX-License-Identifier: MIT */
/*
 * Judgement of CPUID words.
 *
 * Source: Intel SDM vol. 2A "CPUID", vol. 4 "IA32_ARCH_CAPABILITIES"; AMD APM vol. 3 appendix E (0x80000021 EAX bit 8,
 * Automatic IBRS).
 */
#include "boot/load/cpu_check.h"

#include <stddef.h>

#define CR4_LA57 (1ull << 12)

#define ARCH_CAPABILITIES_RDCL_NO  (1ull << 0)
#define ARCH_CAPABILITIES_IBRS_ALL (1ull << 1)

struct requirement {
    bool is_extended; /* in CPUID 0x80000001 EDX, else in CPUID 1 EDX */
    unsigned bit;
    const char *lack;
};

static const struct requirement requirements[] = {
    {false, 3, "it lacks page size extensions (PSE)"},
    {false, 4, "it lacks a time-stamp counter (TSC)"},
    {false, 5, "it lacks model-specific registers (MSR)"},
    {false, 6, "it lacks physical address extension (PAE)"},
    {false, 9, "it lacks a local APIC"},
    {false, 13, "it lacks global pages (PGE)"},
    {false, 16, "it lacks page attribute tables (PAT)"},
    {true, 11, "it lacks SYSCALL and SYSRET"},
    {true, 20, "it lacks no-execute pages (NX)"},
    {true, 29, "it lacks long mode"},
};

static bool is_vendor(const struct cpu_words *words, const char *vendor)
{
    unsigned i = 0;
    while (vendor[i] != '\0' && words->vendor[i] == vendor[i]) {
        i++;
    }
    return vendor[i] == words->vendor[i];
}

const char *cpu_find_missing(const struct cpu_words *words)
{
    for (size_t i = 0; i < sizeof(requirements) / sizeof(requirements[0]); i++) {
        const struct requirement *need = &requirements[i];
        uint32_t word = need->is_extended ? words->extended1_edx : words->leaf1_edx;
        if ((word >> need->bit & 1) == 0) {
            return need->lack;
        }
    }
    /* Long mode cannot leave five-level paging without leaving long mode, so the firmware must not have entered it. */
    return words->cr4 & CR4_LA57 ? "it runs with 5-level paging, which cannot be left" : NULL;
}

bool cpu_has_huge_pages(const struct cpu_words *words)
{
    return words->extended1_edx >> 26 & 1;
}

bool cpu_has_arch_capabilities(const struct cpu_words *words)
{
    return words->leaf7_edx >> 29 & 1;
}

bool cpu_needs_kpti(const struct cpu_words *words)
{
    return is_vendor(words, "GenuineIntel") && !words->is_emulated &&
           !(words->arch_capabilities & ARCH_CAPABILITIES_RDCL_NO);
}

bool cpu_needs_retpolines(const struct cpu_words *words)
{
    if (words->is_emulated) {
        return false;
    }
    if (is_vendor(words, "GenuineIntel")) {
        return !(words->arch_capabilities & ARCH_CAPABILITIES_IBRS_ALL);
    }
    bool has_automatic_ibrs = words->extended21_eax >> 8 & 1;
    return is_vendor(words, "AuthenticAMD") && !has_automatic_ibrs;
}
