/* SPDX-License-Identifier: MIT */
/* msr, cpuid, control: what the core at the prompt is and how it is set up. Sources: Intel SDM vol. 4; vol. 3A, "Control Registers". */
#include "arch/cpu.h"
#include "arch/x86_64/msr.h"
#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/core/session.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/hardware.h"

struct name {
    const char *name;
    uint32_t number; /* of the register, or of the bit */
};

static const struct name registers[] = {
    {"apic_base", IA32_APIC_BASE},
    {"mtrr_cap", IA32_MTRR_CAP},
    {"sysenter_cs", IA32_SYSENTER_CS},
    {"pat", IA32_PAT},
    {"efer", IA32_EFER},
    {"star", IA32_STAR},
    {"lstar", IA32_LSTAR},
    {"cstar", IA32_CSTAR},
    {"fmask", IA32_FMASK},
    {"fs_base", IA32_FS_BASE},
    {"gs_base", IA32_GS_BASE},
    {"kernel_gs_base", IA32_KERNEL_GS_BASE},
};

static void print_msr(const char *name, uint32_t number, uint64_t value)
{
    kd_print("%08x  %-14s  %016llx", number, name, (unsigned long long)value);
    if (number == IA32_LSTAR || number == IA32_CSTAR) {
        kd_print("  ");
        kd_print_address(value);
    }
    kd_print("\n");
}

static void list_msrs(void)
{
    for (unsigned i = 0; i < ARRAY_COUNT(registers); i++) {
        uint64_t value;
        if (kd_msr_read(registers[i].number, &value)) {
            print_msr(registers[i].name, registers[i].number, value);
        }
    }
}

static const struct name *take_register(struct kd_call *call)
{
    static struct name unnamed = {"", 0};
    uint64_t number;
    for (unsigned i = 0; i < ARRAY_COUNT(registers); i++) {
        if (kd_arg_accept(call, registers[i].name)) {
            return &registers[i];
        }
    }
    if (!kd_arg_number(call, &number)) {
        kd_fail_usage(call);
    }
    unnamed.number = (uint32_t)number;
    return &unnamed;
}

static void run_msr(struct kd_call *call)
{
    uint64_t value;
    if (kd_arg_is_end(call)) {
        list_msrs();
        return;
    }
    const struct name *which = take_register(call);
    kd_arg_done(call);
    if (!kd_msr_read(which->number, &value)) {
        kd_fail("core %u has no MSR 0x%x", cpu_id(), which->number);
    }
    print_msr(which->name, which->number, value);
}
KD_COMMAND(msr, .usage = "[NUMBER | NAME]",
           .help = "model-specific registers of the core at the prompt",
           .flags = KD_READS | KD_IO | KD_LIVE, .run = run_msr);

static void run_wrmsr(struct kd_call *call)
{
    uint64_t value;
    const struct name *which = take_register(call);
    if (!kd_arg_number(call, &value)) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    if (!kd_msr_write(which->number, value)) {
        kd_fail("core %u has no MSR 0x%x, or it does not take that", cpu_id(), which->number);
    }
}
KD_COMMAND(wrmsr, .usage = "NUMBER | NAME VALUE",
           .help = "write a model-specific register of the core at the prompt",
           .flags = KD_WRITES | KD_IO | KD_LIVE, .run = run_wrmsr);

static void run_cpuid(struct kd_call *call)
{
    uint64_t leaf, subleaf = 0;
    uint32_t words[4];
    if (!kd_arg_number(call, &leaf)) {
        kd_fail_usage(call);
    }
    kd_arg_number(call, &subleaf);
    kd_arg_done(call);
    kd_cpuid((uint32_t)leaf, (uint32_t)subleaf, words);
    kd_print("eax %08x  ebx %08x  ecx %08x  edx %08x\n", words[0], words[1], words[2], words[3]);
}
KD_COMMAND(cpuid, .usage = "LEAF [SUBLEAF]", .help = "what the core at the prompt says it is",
           .flags = KD_READS | KD_LIVE, .run = run_cpuid);

static const struct name cr0_bits[] = {{"PE", 0},  {"MP", 1},  {"EM", 2},  {"TS", 3},
                                       {"ET", 4},  {"NE", 5},  {"WP", 16}, {"AM", 18},
                                       {"NW", 29}, {"CD", 30}, {"PG", 31}};
static const struct name cr4_bits[] = {
    {"VME", 0},    {"PVI", 1},      {"TSD", 2},         {"DE", 3},    {"PSE", 4},
    {"PAE", 5},    {"MCE", 6},      {"PGE", 7},         {"PCE", 8},   {"OSFXSR", 9},
    {"UMIP", 11},  {"LA57", 12},    {"OSXMMEXCPT", 10}, {"VMXE", 13}, {"FSGSBASE", 16},
    {"PCIDE", 17}, {"OSXSAVE", 18}, {"SMEP", 20},       {"SMAP", 21}, {"PKE", 22},
};

static void print_bits(const char *name, uint64_t value, const struct name *bits, unsigned count)
{
    kd_print("%s %016llx ", name, (unsigned long long)value);
    for (unsigned i = 0; i < count; i++) {
        if (value >> bits[i].number & 1) {
            kd_print(" %s", bits[i].name);
        }
    }
    kd_print("\n");
}

static void run_control(struct kd_call *call)
{
    uint64_t cpu = kd_session_cpu();
    struct kd_registers state;
    kd_arg_number(call, &cpu);
    kd_arg_done(call);
    if (cpu >= kd_target->cpu_count() || kd_target->registers((unsigned)cpu, &state) != OK) {
        kd_fail("no core %llu, or it was not captured", (unsigned long long)cpu);
    }
    print_bits("cr0", state.cr0, cr0_bits, ARRAY_COUNT(cr0_bits));
    kd_print("cr2 %016llx\n", (unsigned long long)state.cr2);
    kd_print("cr3 %016llx\n", (unsigned long long)state.cr3);
    print_bits("cr4", state.cr4, cr4_bits, ARRAY_COUNT(cr4_bits));
}
KD_COMMAND(control, .usage = "[CPU]", .help = "control registers of a core, bits by name",
           .flags = KD_READS, .run = run_control);
