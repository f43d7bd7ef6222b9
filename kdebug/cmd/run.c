/* SPDX-License-Identifier: MIT */
/* Going on, a little: step, next, out, until; and calling a function of the kernel. */
#include "kdebug/core/run.h"

#include "kdebug/core/call.h"
#include "kdebug/core/instruction.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/breakpoint.h"
#include "kdebug/core/output.h"
#include "kdebug/core/session.h"
#include "kdebug/core/stop.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/call_length.h"
#include "kdebug/x86_64/unwind.h"

#define STEPS_MAX      1000000u
#define RSP_AFTER_CALL 8u

/* Registers of the core that is selected, which goes on. The session ends when all is well with the command, see kd_session_end(). */
static struct kd_registers begin_run(struct kd_call *call)
{
    struct kd_registers registers;
    kd_arg_done(call);
    if (!kd_run_can_step(kd_session_cpu()) ||
        kd_target->registers(kd_session_cpu(), &registers) != OK) {
        kd_fail("core %u was not captured", kd_session_cpu());
    }
    return registers;
}

/* Run until this instruction is reached in the frame of `above` or one outside of it. */
static void run_until(const struct kd_registers *registers, uint64_t address, uint64_t above)
{
    const char *why;
    unsigned number = kd_breakpoint_add(KD_BREAK_CODE, address, 1, &why);
    if (number == 0) {
        number = kd_breakpoint_add(KD_BREAK_EXECUTE, address, 1, &why);
    }
    struct kd_breakpoint *breakpoint = kd_breakpoint(number);
    if (breakpoint == NULL) {
        kd_fail("0x%llx cannot be run to: %s", (unsigned long long)address, why);
    }
    vaddr_t thread = kd_cpu_thread(kd_session_cpu());
    breakpoint->is_temporary = breakpoint->is_for_step = true;
    breakpoint->above = above;
    if (thread != 0 && !frame_is_user(&registers->frame)) {
        struct thread copy;
        kd_fetch(thread, &copy, sizeof(copy), "thread");
        breakpoint->tid = copy.tid;
    }
    kd_session_end();
}

static void run_move(struct kd_call *call)
{
    uint64_t cpu;
    if (!kd_arg_number(call, &cpu)) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    if (cpu >= kd_target->cpu_count() || !kd_run_can_step((unsigned)cpu)) {
        kd_fail("core %llu was not captured", (unsigned long long)cpu);
    }
    kd_run_move((unsigned)cpu);
    if (kd_run_is_moving()) {
        kd_session_end();
    }
}
KD_COMMAND(
    move, .usage = "CPU",
    .help = "go on at the prompt of another core: apic, msr, in, call are then its; nothing runs",
    .flags = KD_RESUMES | KD_LIVE, .run = run_move);

static void run_step(struct kd_call *call)
{
    uint64_t count = 1;
    kd_arg_number(call, &count);
    if (count == 0 || count > STEPS_MAX) {
        kd_fail("1 to %u instructions", STEPS_MAX);
    }
    (void)begin_run(call);
    kd_run_step(count);
    kd_session_end();
}
KD_COMMAND(step, .usage = "[N]",
           .help = "execute one instruction, or N, of the selected core; the others stand still "
                   "while it is kernel "
                   "code that does not wait for them",
           .flags = KD_RESUMES | KD_LIVE, .run = run_step);

static void run_next(struct kd_call *call)
{
    struct kd_registers registers = begin_run(call);
    uint8_t code[KD_CALL_BYTES];
    uint64_t rip = registers.frame.rip;
    unsigned length = 0;
    if (!frame_is_user(&registers.frame) && kd_read_kernel(rip, code, sizeof(code)) == OK) {
        length = kd_call_length(code);
    }
    if (length == 0) {
        kd_run_step(1);
        kd_session_end();
    } else {
        run_until(&registers, rip + length, registers.frame.rsp);
    }
}
KD_COMMAND(next, .usage = "", .help = "execute one instruction, a called function as a whole",
           .flags = KD_RESUMES | KD_LIVE, .run = run_next);

static void run_branch(struct kd_call *call)
{
    struct kd_instruction instruction;
    struct kd_registers registers = begin_run(call);
    if (kd_instruction_at(kd_session_core_space(registers.frame.rip), registers.frame.rip,
                          &instruction) != OK ||
        instruction.bytes == 0) {
        kd_fail("without a disassembler nobody knows what a branch is");
    }
    kd_run_step_to_branch();
    kd_session_end();
}
KD_COMMAND(branch, .usage = "",
           .help = "execute instructions up to and with one that goes elsewhere than to the next",
           .flags = KD_RESUMES | KD_LIVE, .run = run_branch);

static void run_finish(struct kd_call *call)
{
    struct kd_registers registers = begin_run(call);
    struct kd_unwind unwind;
    kd_unwind_begin(&unwind, &registers.frame);
    if (!kd_unwind_next(&unwind) || kd_unwind_is_user(&unwind)) {
        kd_fail("nobody in the kernel has called this function");
    }
    run_until(&registers, unwind.rip, registers.frame.rsp + RSP_AFTER_CALL);
}
KD_COMMAND(finish, .usage = "", .help = "run until the present function has returned",
           .flags = KD_RESUMES | KD_LIVE, .run = run_finish);

static void run_until_address(struct kd_call *call)
{
    uint64_t address;
    if (!kd_arg_number(call, &address)) {
        kd_fail_usage(call);
    }
    struct kd_registers registers = begin_run(call);
    run_until(&registers, address, 0);
}
KD_COMMAND(until, .usage = "ADDRESS", .help = "run until this thread comes to an instruction",
           .flags = KD_RESUMES | KD_LIVE, .run = run_until_address);

/* ---- call ---- */

extern const char kernel_text_start[], kernel_text_end[];

static void run_call(struct kd_call *call)
{
    uint64_t function;
    uint64_t arguments[KD_CALL_ARGUMENTS] = {0};
    unsigned count = 0;
    if (!kd_arg_number(call, &function)) {
        kd_fail_usage(call);
    }
    while (count < KD_CALL_ARGUMENTS && kd_arg_number(call, &arguments[count])) {
        count++;
    }
    kd_arg_done(call);
    if (function < KD_GLOBAL(kernel_text_start) || function >= KD_GLOBAL(kernel_text_end)) {
        kd_fail("0x%llx is not in the kernel's text", (unsigned long long)function);
    }
    kd_emit(call, kd_value_number(kd_call_function(function, arguments)));
}
KD_COMMAND(call, .usage = "FUNCTION [ARGUMENT...]",
           .help = "call a function of the kernel, here and now; a fault in it comes back to the "
                   "prompt, and BREAK ends one that waits for a lock that somebody holds",
           .flags = KD_WRITES | KD_RESUMES | KD_LIVE | KD_GIVES, .run = run_call);
