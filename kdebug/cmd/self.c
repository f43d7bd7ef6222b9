/* SPDX-License-Identifier: MIT */
/* self: what kdebug knows about its stops; faults and cores that do not answer on purpose, to show that it survives them. */
#include "arch/cpu.h"
#include "base/assert.h"
#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/door.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/output.h"
#include "kdebug/core/run.h"
#include "kdebug/core/stop.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/registers.h"

static void fault_null(void)
{
    uint64_t value;
    __asm__ volatile("movq 0x10, %0" : "=r"(value));
}

static void fault_protection(void)
{
    uint64_t value;
    __asm__ volatile("movq (%1), %0"
                     : "=r"(value)
                     : "r"(0x8000000000000000ull)); /* not canonical */
}

static void fault_divide(void)
{
    __asm__ volatile("xorl %%ecx, %%ecx; divl %%ecx" ::: "eax", "ecx", "edx", "cc");
}

static void fault_undefined(void)
{
    __asm__ volatile("ud2");
}

static void fault_breakpoint(void)
{
    __asm__ volatile("int3");
}

static void fault_write_text(void)
{
    *(volatile char *)(uintptr_t)fault_null = 0;
}

static void fault_assert(void)
{
    volatile int one = 1;
    VERIFY(one == 2);
}

/* To its end and over it: the page below is not there, so nothing can be pushed any more, not even the fault. */
static void fault_stack(void)
{
    uint8_t byte;
    if (kd_read_kernel(KD_GLOBAL(cpu_debugger_stack), &byte, sizeof(byte)) == OK) {
        kd_fail("the page below the stack is still there: too early in the boot");
    }
    __asm__ volatile("1: pushq $0; jmp 1b");
}

static const struct {
    const char *name;
    void (*run)(void);
} faults[] = {
    {"null", fault_null},     {"gp", fault_protection}, {"div", fault_divide},
    {"ud", fault_undefined},  {"bp", fault_breakpoint}, {"text", fault_write_text},
    {"assert", fault_assert}, {"stack", fault_stack},
};

static void run_fault(struct kd_call *call)
{
    for (unsigned i = 0; i < ARRAY_COUNT(faults); i++) {
        if (kd_arg_accept(call, faults[i].name)) {
            kd_arg_done(call);
            faults[i].run();
            kd_fail("the fault did not happen");
        }
    }
    kd_fail_usage(call);
}

/* The core at the prompt takes no NMI now, and without the door's nobody could come in again. */
static void make_deaf(struct kd_call *call)
{
    uint64_t cpu;
    if (!kd_arg_number(call, &cpu)) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    if (cpu >= kd_target->cpu_count() || cpu == KD_DOOR_CPU || cpu == kd_run_cpu()) {
        kd_fail("another core than this one and core %u, which has the serial line", KD_DOOR_CPU);
    }
    atomic_store_explicit(&kd_stop_records[cpu].is_deaf, true, memory_order_relaxed);
}

static void make_hear(struct kd_call *call)
{
    kd_arg_done(call);
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        atomic_store_explicit(&kd_stop_records[cpu].is_deaf, false, memory_order_relaxed);
    }
}

static void show_stops(void)
{
    kd_print("CPU  STATE    ANSWERED AFTER us         NMIS  REDUNDANT\n");
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        const struct kd_stop_record *record = &kd_stop_records[cpu];
        uint64_t late = kd_stop_has(cpu) && record->captured > record->asked && record->asked != 0
                            ? kd_stop_us(record->captured - record->asked)
                            : 0;
        kd_print("%3u  %-7s  %17llu  %11llu  %9llu\n", cpu,
                 kd_stop_has(cpu) ? "stopped" : "MISSING", (unsigned long long)late,
                 (unsigned long long)record->nmis, (unsigned long long)record->redundant);
    }
}

/* What went wrong in the debugger itself, the newest first. */
static void show_crumbs(struct kd_call *call)
{
    kd_arg_done(call);
    uint64_t shown = MIN(kd_crumb_count, (uint64_t)KD_CRUMBS);
    kd_print("%llu faults of the debugger%s\n", (unsigned long long)kd_crumb_count,
             shown == 0 ? "" : "; the newest:");
    for (uint64_t i = 1; i <= shown; i++) {
        const struct kd_raised *crumb = &kd_crumbs[(kd_crumb_count - i) % KD_CRUMBS];
        const char *name = kd_vector_name(crumb->vector);
        if (crumb->message != NULL) {
            kd_print("  a failed check\n"); /* the text was on a stack that is no more */
            continue;
        }
        kd_print("  %s at ", name == NULL ? "exception" : name);
        kd_print_address(crumb->rip);
        kd_print(" address 0x%llx\n", (unsigned long long)crumb->address);
    }
}

static void run_self(struct kd_call *call)
{
    if (kd_arg_accept(call, "fault")) {
        run_fault(call);
    } else if (kd_arg_accept(call, "deaf")) {
        make_deaf(call);
    } else if (kd_arg_accept(call, "hear")) {
        make_hear(call);
    } else if (kd_arg_accept(call, "crumbs")) {
        show_crumbs(call);
    } else {
        kd_arg_done(call);
        show_stops();
    }
}
KD_COMMAND(self, .usage = "[fault null|gp|div|ud|bp|text|assert|stack | crumbs | deaf CPU | hear]",
           .help =
               "how this stop went; fault inside the debugger, which must come back to the prompt; "
               "where it has; let a core not answer from the next stop on, until it is to hear",
           .flags = KD_READS | KD_LIVE, .run = run_self);
