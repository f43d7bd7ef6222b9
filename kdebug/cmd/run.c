/* SPDX-License-Identifier: MIT */
/* Going on, a little: step, next, out, until; and calling a function of the kernel. */
#include "kdebug/core/run.h"

#include "kdebug/core/lookup.h"
#include "kdebug/core/breakpoint.h"
#include "kdebug/core/output.h"
#include "kdebug/core/session.h"
#include "kdebug/core/stop.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/call_length.h"
#include "kdebug/x86_64/unwind.h"

#define STEPS_MAX      1000000u
#define ARGUMENTS_MAX  6u
#define RSP_AFTER_CALL 8u

/* Registers of the core that goes on; the command ends with it. */
static struct kd_registers begin_run(struct kd_call *call)
{
    struct kd_registers registers;
    kd_arg_done(call);
    if (!kd_run_can_step(kd_session_cpu())) {
        kd_fail("only the core that entered can be run by steps: 'cpu %u'", kd_run_cpu());
    }
    if (kd_target->registers(kd_session_cpu(), &registers) != OK) {
        kd_fail("core %u was not captured", kd_session_cpu());
    }
    kd_session_end();
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
}

static void run_step(struct kd_call *call)
{
    uint64_t count = 1;
    kd_arg_number(call, &count);
    if (count == 0 || count > STEPS_MAX) {
        kd_fail("1 to %u instructions", STEPS_MAX);
    }
    (void)begin_run(call);
    kd_run_step(count);
}
KD_COMMAND(step, .usage = "[N]",
           .help = "execute one instruction, or N; the other cores stand still while it is kernel "
                   "code",
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
    } else {
        run_until(&registers, rip + length, registers.frame.rsp);
    }
}
KD_COMMAND(next, .usage = "", .help = "execute one instruction, a called function as a whole",
           .flags = KD_RESUMES | KD_LIVE, .run = run_next);

static void run_out(struct kd_call *call)
{
    struct kd_registers registers = begin_run(call);
    struct kd_unwind unwind;
    kd_unwind_begin(&unwind, &registers.frame);
    if (!kd_unwind_next(&unwind) || kd_unwind_is_user(&unwind)) {
        kd_fail("nobody in the kernel has called this function");
    }
    run_until(&registers, unwind.rip, registers.frame.rsp + RSP_AFTER_CALL);
}
KD_COMMAND(out, .usage = "", .help = "run until the present function has returned",
           .flags = KD_RESUMES | KD_LIVE, .run = run_out);

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

typedef uint64_t (*function_fn)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

extern const char kernel_text_start[], kernel_text_end[];

static void run_call(struct kd_call *call)
{
    uint64_t function;
    uint64_t arguments[ARGUMENTS_MAX] = {0};
    unsigned count = 0;
    if (!kd_arg_number(call, &function)) {
        kd_fail_usage(call);
    }
    while (count < ARGUMENTS_MAX && kd_arg_number(call, &arguments[count])) {
        count++;
    }
    kd_arg_done(call);
    if (function < KD_GLOBAL(kernel_text_start) || function >= KD_GLOBAL(kernel_text_end)) {
        kd_fail("0x%llx is not in the kernel's text", (unsigned long long)function);
    }
    function_fn entry = (function_fn)(uintptr_t)function;
    kd_emit(call, kd_value_number(entry(arguments[0], arguments[1], arguments[2], arguments[3],
                                        arguments[4], arguments[5])));
}
KD_COMMAND(call, .usage = "FUNCTION [ARGUMENT...]",
           .help = "call a function of the kernel, here and now; a fault in it comes back to the "
                   "prompt, a lock that somebody holds does not",
           .flags = KD_WRITES | KD_RESUMES | KD_LIVE | KD_GIVES, .run = run_call);
