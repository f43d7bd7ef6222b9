/* SPDX-License-Identifier: MIT */
/* Cores: cpus, cpu, regs. */
#include "arch/mmu.h"
#include "base/string.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/program.h"
#include "kdebug/core/session.h"
#include "kdebug/core/stop.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/registers.h"

#define NAME_SHOWN 112u

static void print_place(const struct kd_registers *registers)
{
    struct kd_program program;
    char name[NAME_SHOWN];
    if (frame_is_user(&registers->frame) && kd_program_of(registers->cr3 & PTE_ADDRESS, &program) &&
        kd_program_symbol(&program, registers->frame.rip, true, name, sizeof(name)) != 0) {
        kd_print("%s", name);
    } else {
        kd_print_address(registers->frame.rip);
    }
}

static void show_cpu(const struct kd_value *value)
{
    unsigned cpu = (unsigned)value->bits;
    struct kd_registers registers;
    struct thread thread = {0};
    char process[NAME_BYTES] = "";
    struct cpu data;
    kd_fetch(KD_GLOBAL(cpus) + cpu * sizeof(struct cpu), &data, sizeof(data), "struct cpu");
    if (data.current != NULL &&
        kd_read_kernel((vaddr_t)data.current, &thread, sizeof(thread)) == OK) {
        kd_process_text((vaddr_t)thread.process, process, sizeof(process));
        thread.name[NAME_BYTES - 1] = '\0';
    }
    bool captured = kd_target->registers(cpu, &registers) == OK;
    kd_print("%c%3u  %4u  %-7s  %5u  %-16s  %-16s  ", cpu == kd_session_cpu() ? '*' : ' ', cpu,
             data.apic_id, captured ? "stopped" : "MISSING", thread.tid, process, thread.name);
    if (!captured) {
        kd_print("not captured\n");
        return;
    }
    print_place(&registers);
    kd_print("%s%s\n", frame_is_user(&registers.frame) ? " (user)" : "",
             registers.frame.rflags & 0x200 ? "" : " (IF=0)");
}

static uint64_t locate_cpu(const struct kd_value *value)
{
    return KD_GLOBAL(cpus) + value->bits * sizeof(struct cpu);
}

const struct kd_type kd_type_cpu = {
    .name = "cpu",
    .locate = locate_cpu,
    .header = " CPU  APIC  STATE      TID  PROCESS           THREAD            AT",
    .show = show_cpu,
};

static void run_cpus(struct kd_call *call)
{
    kd_arg_done(call);
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        if (!kd_emit(call, kd_value_of(cpu, &kd_type_cpu))) {
            return;
        }
    }
}
KD_COMMAND(cpus, .usage = "", .help = "all cores: what they run and where they stand",
           .flags = KD_READS | KD_GIVES, .run = run_cpus);

static unsigned check_cpu(uint64_t cpu)
{
    if (cpu >= kd_target->cpu_count()) {
        kd_fail("no core %llu", (unsigned long long)cpu);
    }
    return (unsigned)cpu;
}

static void run_cpu(struct kd_call *call)
{
    uint64_t cpu = kd_session_cpu();
    kd_arg_number(call, &cpu);
    kd_arg_done(call);
    kd_session_select(check_cpu(cpu));
    kd_emit(call, kd_value_of(cpu, &kd_type_cpu));
}
KD_COMMAND(cpu, .usage = "[N]", .help = "select the core that %registers, regs and bt mean",
           .flags = KD_READS | KD_GIVES, .run = run_cpu);

static void run_regs(struct kd_call *call)
{
    uint64_t number = call->has_input ? call->input.bits : kd_session_cpu();
    if (call->has_input && call->input.type != &kd_type_cpu) {
        kd_fail("'regs' takes cores");
    }
    kd_arg_number(call, &number);
    kd_arg_done(call);
    unsigned cpu = check_cpu(number);
    struct kd_registers registers;
    if (kd_target->registers(cpu, &registers) != OK) {
        kd_fail("core %u was not captured", cpu);
    }
    kd_print("core %u:\n", cpu);
    kd_registers_show(&registers);
}
KD_COMMAND(regs, .usage = "[CPU]", .help = "registers of a core where it was stopped",
           .flags = KD_READS | KD_TAKES, .run = run_regs);
