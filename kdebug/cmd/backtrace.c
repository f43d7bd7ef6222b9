/* SPDX-License-Identifier: MIT */
/* bt: who called whom, of a core or a thread, running or blocked, up to the user's instruction. */
#include "arch/frame.h"
#include "base/string.h"
#include "gen/syscall_numbers.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/parameters.h"
#include "kdebug/core/program.h"
#include "kdebug/core/session.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/registers.h"
#include "kdebug/x86_64/unwind.h"

#define USER_FRAMES_MAX 64u
#define NAME_SHOWN      112u

/* A return address may be the first byte after a call that does not return, so its name is that
 * of the byte before. */
static void print_code(uint64_t rip, bool is_exact)
{
    struct kd_symbol symbol;
    kd_print("%016llx  ", (unsigned long long)rip);
    if (is_exact || !kd_symbol_at(rip - 1, &symbol)) {
        kd_print_address(rip);
    } else {
        kd_print("%s+0x%llx", symbol.name, (unsigned long long)(rip - symbol.address));
    }
}

static bool with_arguments; /* asked for */

/* "(thread=0x12, why=?)": optimised code keeps few arguments, and what is not there is not made up. */
static void print_arguments(const struct kd_unwind *unwind)
{
    struct kd_symbol symbol;
    uint64_t rip = unwind->rip - (unwind->is_exact ? 0 : 1), value;
    const char *name = kd_symbol_at(rip, &symbol) ? kd_parameters_names(symbol.address) : NULL;
    kd_print(name == NULL ? "" : "(");
    for (unsigned i = 0; name != NULL && *name != '\0'; i++) {
        const char *end = strchr(name, ' ');
        size_t length = end == NULL ? strlen(name) : (size_t)(end - name);
        kd_print("%s%.*s=", i == 0 ? "" : ", ", (int)length, name);
        if (kd_parameter_value(symbol.address, i, unwind, &value)) {
            kd_print("0x%llx", (unsigned long long)value);
        } else {
            kd_print("?");
        }
        name += length + (end != NULL);
    }
    kd_print(name == NULL ? "" : ")");
}

/* Arguments are where the caller put them until the call writes its results, the status last; words of a message come before. */
static void print_system_call(const struct trap_frame *trap)
{
    unsigned number = trap->error < SYSCALL_COUNT ? (unsigned)trap->error : SYSCALL_COUNT;
    const char *name = syscall_parameters(number);
    const uint64_t arguments[] = SYSCALL_ARGUMENTS(trap);
    kd_print("     ---- system call ----  %s", syscall_name(number));
    if (trap->rax != trap->error) {
        kd_print(", done: %lld\n", (long long)trap->rax);
        return;
    }
    kd_print("(");
    for (unsigned i = 0; *name != '\0' && i < ARRAY_COUNT(arguments); i++) {
        const char *end = strchr(name, ' ');
        size_t length = end == NULL ? strlen(name) : (size_t)(end - name);
        kd_print("%s%.*s=0x%llx", i == 0 ? "" : ", ", (int)length, name,
                 (unsigned long long)arguments[i]);
        name += length + (end != NULL);
    }
    kd_print(")\n");
}

static void print_trap(const struct trap_frame *trap)
{
    if (trap->vector == FRAME_VECTOR_SYSCALL) {
        print_system_call(trap);
        return;
    }
    const char *name = kd_vector_name(trap->vector);
    if (name != NULL) {
        kd_print("     ---- %s, error 0x%llx ----\n", name, (unsigned long long)trap->error);
    } else {
        kd_print("     ---- interrupt 0x%llx ----\n", (unsigned long long)trap->vector);
    }
}

/* Callers of user code, by frame pointers; as far as they lead through functions of the program. */
static void print_user_callers(const struct kd_program *program, paddr_t root, uint64_t rbp)
{
    uint64_t frame[2]; /* the caller's rbp, where it goes on */
    char name[NAME_SHOWN];
    for (unsigned i = 0; i < USER_FRAMES_MAX; i++) {
        if (rbp % 8 != 0 || kd_read(root, rbp, frame, sizeof(frame)) != OK ||
            kd_program_symbol(program, frame[1], false, name, sizeof(name)) == 0) {
            return;
        }
        kd_print("%3s  %016llx  %s\n", "", (unsigned long long)frame[1], name);
        if (frame[0] <= rbp) {
            return;
        }
        rbp = frame[0];
    }
}

static void print_user(const struct kd_unwind *unwind, vaddr_t process)
{
    struct kd_program program;
    char text[NAME_BYTES], name[NAME_SHOWN];
    paddr_t root = 0;
    kd_process_text(process, text, sizeof(text));
    kd_print("%3s  %016llx  user code of %s, rsp %llx", "", (unsigned long long)unwind->rip, text,
             (unsigned long long)unwind->rsp);
    bool is_known =
        process != 0 &&
        kd_read_kernel(process + offsetof(struct process, root), &root, sizeof(root)) == OK &&
        kd_program_of(root, &program);
    if (is_known && kd_program_symbol(&program, unwind->rip, true, name, sizeof(name)) != 0) {
        kd_print(": %s", name);
    }
    kd_print("\n");
    if (is_known) {
        print_user_callers(&program, root, unwind->rbp);
    }
}

static void print_frames(struct kd_unwind *unwind, vaddr_t process)
{
    unsigned number = 0;
    do {
        if (unwind->crossed) {
            print_trap(&unwind->trap);
        }
        if (kd_unwind_is_user(unwind)) {
            print_user(unwind, process);
        } else {
            kd_print("%3u  ", number++);
            print_code(unwind->rip, unwind->is_exact);
            if (with_arguments) {
                print_arguments(unwind);
            }
            kd_print("\n");
        }
    } while (kd_unwind_next(unwind));
}

static void trace_cpu(unsigned cpu)
{
    struct kd_registers registers;
    struct kd_unwind unwind;
    status_t status = kd_target->registers(cpu, &registers);
    if (status == ERR_NOT_FOUND) {
        kd_fail("no core %u", cpu);
    }
    if (status != OK) {
        kd_fail("core %u was not captured", cpu);
    }
    vaddr_t thread = kd_registers_thread(cpu);
    kd_unwind_begin(&unwind, &registers.frame);
    kd_print("core %u:\n", cpu);
    print_frames(&unwind, thread == 0
                              ? 0
                              : kd_fetch_word(thread + offsetof(struct thread, process), "thread"));
}

static void trace_thread(vaddr_t address)
{
    int cpu = kd_thread_registers(address);
    struct thread thread;
    struct kd_unwind unwind;
    char process[NAME_BYTES];
    kd_fetch(address, &thread, sizeof(thread), "thread");
    thread.name[NAME_BYTES - 1] = '\0';
    kd_process_text((vaddr_t)thread.process, process, sizeof(process));
    kd_print("thread %u '%s' of %s, %s\n", thread.tid, thread.name, process,
             kd_state_name(&thread));
    if (cpu >= 0) {
        trace_cpu((unsigned)cpu);
        return;
    }
    if (!kd_unwind_begin_blocked(&unwind, thread.context.rsp)) {
        kd_fail("the stack of thread %u at 0x%llx cannot be read", thread.tid,
                (unsigned long long)thread.context.rsp);
    }
    print_frames(&unwind, (vaddr_t)thread.process);
}

static void trace_all_cpus(void)
{
    struct kd_registers registers;
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        if (kd_target->registers(cpu, &registers) == OK) {
            trace_cpu(cpu);
        } else {
            kd_print("core %u: not captured\n", cpu);
        }
    }
}

static void run_bt(struct kd_call *call)
{
    uint64_t cpu = kd_session_cpu();
    with_arguments = kd_arg_accept(call, "args");
    bool of_cpu = kd_arg_accept(call, "cpu");
    if (kd_arg_accept(call, "all")) {
        kd_arg_done(call);
        trace_all_cpus();
        return;
    }
    if (call->has_input && call->input.type == &kd_type_cpu) {
        trace_cpu((unsigned)call->input.bits);
        return;
    }
    if (of_cpu && !kd_arg_number(call, &cpu)) {
        kd_fail_usage(call);
    }
    vaddr_t thread = of_cpu ? 0 : kd_arg_thread(call);
    kd_arg_done(call);
    if (thread != 0) {
        trace_thread(thread);
    } else {
        trace_cpu((unsigned)MIN(cpu, (uint64_t)UINT32_MAX));
    }
}
KD_COMMAND(bt, .usage = "[args] [TID | cpu N | all]",
           .help = "backtrace of a thread, a core, all cores; default the selected core; with the "
                   "arguments of functions, ? for what is not kept",
           .flags = KD_READS | KD_TAKES, .run = run_bt);
