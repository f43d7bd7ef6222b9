/* SPDX-License-Identifier: MIT */
/*
 * Run control.
 *
 * While the machine stands still no breakpoint is in its text: memory reads true, and the
 * debugger can use any function. They go in when it leaves (kd_run_leave) and come out when the
 * next stop begins (kd_run_arrive). A core that ran into one while another was master stands at
 * the instruction again and comes in when that stop ends: no hit is lost. If the breakpoint has
 * been deleted meanwhile, it goes on unseen.
 *
 * Going on from a breakpoint needs its instruction executed without the INT3, and nobody else may
 * slip past meanwhile. So the master executes one instruction with TF while the others stay
 * parked ("held step"): the stop is not ended, enter.c returns from the exception, and the #DB
 * comes back here.
 *
 *     leave, at a breakpoint --held step--> #DB --> insert all, release everybody
 *     leave, person's step   --held step--> #DB --> prompt
 *
 * R1  A held step is only made in kernel mode. If the instruction faults, its handler may need a
 *     lock that a parked core holds: the stop is ended first, and TF, which is in the frame that
 *     the handler returns to, brings us back when the instruction has really been executed.
 * R2  User code is stepped with all others running: one instruction may be a system call.
 * R3  During a held step interrupts are off; whoever had them on has them on again after it, unless
 *     the instruction was one that changes them. PUSHF must not show our TF.
 *
 * R4  A breakpoint is passed only by who stands at it because of it (at_hit): a core that was
 *     stopped there by chance runs into it.
 * R5  What brought a core here is its own (`arrivals`) until it is master: several come at once.
 *
 * Debug registers: DR7 is loaded by the entry stubs from cpu_debug_control(); DR0 to DR3 by each
 * core itself on its way out, when `generation` says that they have changed.
 *
 * Sources: Intel SDM vol. 3B, "Debug, Branch Profile, TSC ..." chapter: "Debug Registers",
 * "Single-Step Exception Condition", "Instruction-Breakpoint Exception Condition" (RF).
 */
#include "kdebug/core/run.h"

#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/text_patch.h"
#include "base/format.h"
#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/core/session.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"
#include "sched/process.h"
#include "sched/thread.h"

#define RFLAGS_TF  (1ull << 8)
#define RFLAGS_IF  (1ull << 9)
#define RFLAGS_RF  (1ull << 16)
#define DR6_SLOTS  0xfull
#define DR6_BS     (1ull << 14)
#define DR7_FIXED  0x400ull /* bit 10 is always set */
#define CR4_DE     (1ull << 3)
#define OP_CLI     0xfau
#define OP_INT3    0xccu
#define OP_HLT     0xf4u /* waits for interrupts, which a held step does not let in */
#define OP_PUSHF   0x9cu
#define OP_POPF    0x9du
#define OP_IRET    0xcfu
#define DR7_LENGTH 2u

struct arrival {
    uint64_t status; /* DR6 of the debug exception that brought us here */
    bool by_step;    /* a step that was asked for has */
    bool at_hit;     /* the frame stands where a breakpoint or step brought it */
};

static struct arrival arrivals[CPU_MAX]; /* the latest of each core, written by itself */

static struct {
    uint64_t steps;         /* left of what the person asked for */
    bool is_held;           /* a held step is under way */
    bool is_passing;        /* it only passes a breakpoint */
    bool has_passed;        /* it has, so the next breakpoint is a new one */
    bool is_loose;          /* a step with everybody running; its #DB is still to come */
    bool had_if;            /* IF of the frame before the held step */
    uint8_t opcode;         /* of the held instruction */
    uint64_t at;            /* where the frame stood when it was left */
    bool faulted;           /* the held instruction has: a hit at `at` is no new one */
    struct arrival arrival; /* of the master */
} run;

static unsigned generation;
static unsigned loaded[CPU_MAX];
static char message_text[160];

void kd_run_step(uint64_t count)
{
    run.steps = count;
}

unsigned kd_run_cpu(void)
{
    return cpu_id();
}

bool kd_run_can_step(unsigned cpu)
{
    return cpu == cpu_id();
}

bool kd_run_is_stepping(void)
{
    return run.is_held;
}

/* ---- debug registers ---- */

static uint64_t control_bits(const struct kd_breakpoint *breakpoint, unsigned slot)
{
    static const uint8_t kinds[] = {
        [KD_BREAK_EXECUTE] = 0, [KD_BREAK_WRITE] = 1, [KD_BREAK_ACCESS] = 3, [KD_BREAK_IO] = 2};
    static const uint8_t lengths[] = {[1] = 0, [2] = 1, [4] = 3, [8] = 2};
    uint64_t length = breakpoint->kind == KD_BREAK_EXECUTE ? 0 : lengths[breakpoint->bytes];
    uint64_t field = kinds[breakpoint->kind] | length << DR7_LENGTH;
    return field << (16 + 4 * slot) | 2ull << (2 * slot); /* global enable */
}

static uint64_t wanted_control(void)
{
    uint64_t control = DR7_FIXED;
    for (unsigned slot = 0; slot < KD_HARDWARE_MAX; slot++) {
        const struct kd_breakpoint *breakpoint = kd_breakpoint(kd_breakpoint_hardware(slot));
        if (breakpoint != NULL && breakpoint->is_enabled) {
            control |= control_bits(breakpoint, slot);
        }
    }
    return control;
}

static uint64_t slot_address(unsigned slot)
{
    const struct kd_breakpoint *breakpoint = kd_breakpoint(kd_breakpoint_hardware(slot));
    return breakpoint == NULL ? 0 : breakpoint->address;
}

void kd_run_load_registers(void)
{
    unsigned cpu = cpu_id();
    if (loaded[cpu] == generation) {
        return;
    }
    loaded[cpu] = generation;
    uint64_t cr4;
    __asm__ volatile("movq %0, %%dr0" ::"r"(slot_address(0)));
    __asm__ volatile("movq %0, %%dr1" ::"r"(slot_address(1)));
    __asm__ volatile("movq %0, %%dr2" ::"r"(slot_address(2)));
    __asm__ volatile("movq %0, %%dr3" ::"r"(slot_address(3)));
    __asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("movq %0, %%cr4" ::"r"(cr4 | CR4_DE)); /* so that R/W 10b means ports */
}

/* ---- what brought us here ---- */

enum kd_code_hit kd_run_code_hit(struct trap_frame *frame)
{
    struct arrival *arrival = &arrivals[cpu_id()];
    *arrival = (struct arrival){.at_hit = false};
    bool is_ours = kd_breakpoint_at(frame->rip - 1, 0) != 0;
    const volatile uint8_t *executed = (const uint8_t *)(frame->rip - 1);
    if (!is_ours && *executed == OP_INT3) {
        return KD_HIT_FOREIGN;
    }
    frame->rip -= 1;
    if (!is_ours) {
        return KD_HIT_REMOVED; /* between the exception and our being stopped by another core */
    }
    frame->rflags &= ~RFLAGS_TF;
    arrival->at_hit = true;
    return KD_HIT_OURS;
}

bool kd_run_debug_hit(struct trap_frame *frame, uint64_t status)
{
    bool stepped = (status & DR6_BS) && (frame->rflags & RFLAGS_TF);
    frame->rflags &= ~RFLAGS_TF;
    if (stepped && !run.is_loose) {
        status &= ~DR6_BS; /* the rest of a held step whose instruction faulted */
    }
    arrivals[cpu_id()] =
        (struct arrival){.status = status, .by_step = stepped && run.is_loose, .at_hit = true};
    run.is_loose = false;
    return status != 0;
}

void kd_run_step_done(struct trap_frame *frame)
{
    bool faulted = frame->vector != VECTOR_DEBUG;
    run.is_held = false;
    run.faulted = faulted;
    arrivals[cpu_id()] = (struct arrival){.by_step = !faulted, .at_hit = !faulted};
    if (faulted) {
        run.is_loose = !run.is_passing;
        frame->rflags |= run.had_if ? RFLAGS_IF : 0;
        return;
    }
    frame->rflags &= ~RFLAGS_TF;
    if (run.had_if && run.opcode != OP_CLI && run.opcode != OP_POPF && run.opcode != OP_IRET) {
        frame->rflags |= RFLAGS_IF;
    }
    if (run.opcode == OP_PUSHF && !frame_is_user(frame)) {
        uint64_t pushed = *(uint64_t *)frame->rsp & ~RFLAGS_TF;
        *(uint64_t *)frame->rsp = pushed | (run.had_if ? RFLAGS_IF : 0);
    }
}

/* ---- deciding ---- */

static struct kd_hit describe_hit(const struct trap_frame *frame)
{
    const struct thread *thread = this_cpu()->current;
    struct kd_hit hit = {.cpu = cpu_id(), .rsp = frame->rsp};
    if (thread != NULL) {
        hit.tid = thread->tid;
        hit.pid = thread->process == NULL ? 0 : thread->process->object.id;
    }
    return hit;
}

static const char *tell(unsigned number, const struct kd_breakpoint *breakpoint,
                        const struct trap_frame *frame, const struct kd_hit *hit)
{
    static const char *const kinds[] = {"breakpoint", "breakpoint", "write to", "access to",
                                        "port access to"};
    char where[64], what[64];
    kd_symbol_text(frame->rip, where, sizeof(where));
    kd_symbol_text(breakpoint->address, what, sizeof(what));
    if (breakpoint->is_for_step) {
        format_text(message_text, sizeof(message_text), "step at %s", where);
    } else {
        bool is_code = breakpoint->kind <= KD_BREAK_EXECUTE;
        format_text(message_text, sizeof(message_text), "%u: %s %s%s%s, hit %llu, thread %u",
                    number, kinds[breakpoint->kind], what, is_code ? "" : " at ",
                    is_code ? "" : where, (unsigned long long)breakpoint->hits, hit->tid);
    }
    return message_text;
}

static void remove_step_breakpoints(void)
{
    for (unsigned number = 1; number <= KD_BREAKS_MAX; number++) {
        struct kd_breakpoint *breakpoint = kd_breakpoint(number);
        if (breakpoint != NULL && breakpoint->is_for_step) {
            kd_breakpoint_remove(breakpoint);
        }
    }
}

/* True: it ends the run for a person; its commands may have said "continue". */
static bool take_hit(unsigned number, struct trap_frame *frame, const char **message)
{
    struct kd_breakpoint *breakpoint = kd_breakpoint(number);
    struct kd_hit hit = describe_hit(frame);
    if (breakpoint == NULL || !kd_breakpoint_stops(breakpoint, &hit)) {
        return false;
    }
    *message = tell(number, breakpoint, frame, &hit);
    struct kd_breakpoint copy = *breakpoint;
    if (breakpoint->is_temporary) {
        kd_breakpoint_remove(breakpoint);
    }
    if (copy.commands[0] != '\0') {
        if (strcmp(copy.commands, "continue") != 0) {
            kd_print("\nkdebug: %s\n", *message);
        }
        kd_session_run(copy.commands);
        return !kd_session_is_over();
    }
    return true;
}

static bool arrive_at_breakpoint(struct trap_frame *frame, const char **message)
{
    bool stops = false;
    bool by_code = run.arrival.at_hit && run.arrival.status == 0;
    bool ours = by_code;
    for (unsigned slot = 0; slot < KD_HARDWARE_MAX; slot++) {
        if (run.arrival.status >> slot & 1) {
            ours = true;
            stops |= take_hit(kd_breakpoint_hardware(slot), frame, message);
        }
    }
    for (unsigned number = kd_breakpoint_at(frame->rip, 0); by_code && number != 0;
         number = kd_breakpoint_at(frame->rip, number)) {
        bool again = run.faulted && frame->rip == run.at;
        stops |= !again && take_hit(number, frame, message);
    }
    return stops || !ours;
}

bool kd_run_arrive(struct trap_frame *frame, enum trace_kdebug_reason reason, const char **message)
{
    text_patch_break_none();
    run.arrival = arrivals[cpu_id()];
    if (run.is_passing) {
        run.is_passing = false;
        run.has_passed = true;
        return false;
    }
    if (reason != TRACE_KDEBUG_REASON_BREAKPOINT) {
        run.arrival = (struct arrival){.at_hit = false};
    } else if (run.arrival.by_step && (run.arrival.status & DR6_SLOTS) == 0) {
        bool is_wanted = run.steps > 0; /* another stop may have come before it */
        run.steps -= is_wanted;
        if (!is_wanted || (run.steps > 0 && kd_breakpoint_at(frame->rip, 0) == 0)) {
            return false;
        }
        run.steps = 0;
        char where[64];
        kd_symbol_text(frame->rip, where, sizeof(where));
        format_text(message_text, sizeof(message_text), "step at %s", where);
        *message = message_text;
        return true;
    }
    bool stops = reason != TRACE_KDEBUG_REASON_BREAKPOINT || arrive_at_breakpoint(frame, message);
    if (kd_session_is_over()) {
        stops = false; /* the commands of a breakpoint have said how to go on */
    }
    run.faulted = false;
    if (stops) {
        run.steps = 0;
        remove_step_breakpoints();
    }
    return stops;
}

const struct kd_breakpoint *kd_run_watch_hit(void)
{
    for (unsigned slot = 0; slot < KD_HARDWARE_MAX; slot++) {
        const struct kd_breakpoint *breakpoint = kd_breakpoint(kd_breakpoint_hardware(slot));
        if ((run.arrival.status >> slot & 1) && breakpoint != NULL &&
            (breakpoint->kind == KD_BREAK_WRITE || breakpoint->kind == KD_BREAK_ACCESS)) {
            return breakpoint;
        }
    }
    return NULL;
}

/* ---- going on ---- */

void kd_run_release(void)
{
    for (unsigned number = 1; number <= KD_BREAKS_MAX; number++) {
        const struct kd_breakpoint *breakpoint = kd_breakpoint(number);
        if (breakpoint != NULL && breakpoint->is_enabled && breakpoint->kind == KD_BREAK_CODE &&
            text_patch_break(breakpoint->address) != OK) {
            kd_print("kdebug: breakpoint %u could not be put in\n", number);
        }
    }
    uint64_t control = wanted_control();
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        *cpu_debug_control(cpu) = control;
    }
    generation += control != DR7_FIXED;
}

static bool begin_held_step(struct trap_frame *frame)
{
    run.is_held = true;
    run.had_if = frame->rflags & RFLAGS_IF;
    run.at = frame->rip;
    frame->rflags = (frame->rflags | RFLAGS_TF) & ~RFLAGS_IF;
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        *cpu_debug_control(cpu) = DR7_FIXED;
    }
    return true;
}

bool kd_run_leave(struct trap_frame *frame)
{
    bool passed = run.has_passed;
    run.opcode = 0; /* nothing special */
    run.has_passed = false;
    frame->rflags |= run.arrival.at_hit && !passed ? RFLAGS_RF : 0;
    if (!frame_is_user(frame)) {
        (void)kd_read_kernel(frame->rip, &run.opcode, sizeof(run.opcode));
        run.is_passing =
            run.steps == 0 && run.arrival.at_hit && !passed && kd_breakpoint_at(frame->rip, 0);
    }
    if (!frame_is_user(frame) && run.opcode != OP_HLT && (run.steps > 0 || run.is_passing)) {
        return begin_held_step(frame);
    }
    run.is_passing = false;
    kd_run_release();
    if (run.steps > 0) {
        run.is_loose = true;
        frame->rflags |= RFLAGS_TF;
    }
    return false;
}
