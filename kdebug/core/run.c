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
 *     leave, at PAUSE        --all run, 1 ms--> #DB --> prompt
 *
 * R1  A held step is only made in kernel mode. If the instruction faults, its handler may need a
 *     lock that a parked core holds: the stop is ended first, and TF, which is in the frame that
 *     the handler returns to, brings us back when the instruction has really been executed.
 * R2  User code is stepped with all others running: one instruction may be a system call.
 * R3  During a held step interrupts are off; whoever had them on has them on again after it, unless
 *     the instruction was one that changes them. PUSHF must not show our TF.
 *
 *     SYSRET takes all flags from r11, and then some processors (AMD's, QEMU's) look whether to trap: so TF goes there, too.
 *
 * R4  A breakpoint is passed only by who stands at it because of it (at_hit): a core that was
 *     stopped there by chance runs into it.
 * R5  What brought a core here is its own (`arrivals`) until it is master: several come at once.
 *
 * R6  Whoever spins executes PAUSE, and waits for a core that a step may hold: to arrive, to answer, to
 *     give up a lock. So a step over PAUSE lets all cores run for KD_GIVE_WAY_US, and the prompt says
 *     so. Else a core could be stepped for ever. Rejected: a limit of time or steps, which lets cores
 *     run where nobody waits for them.
 * R7  A step that goes on has the serial line to itself, so it looks for BREAK after each instruction.
 * R8  The master may hand the stop to another core: to be stepped, or to have the prompt. Whoever has been master and stands at a
 *     breakpoint because of it passes it, one core after the other, before everybody runs. A step of user code waits for that.
 * R9  While a loose step is under way another core may arrive and go on: the step stays that of its thread.
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
#include "kdebug/core/instruction.h"
#include "kdebug/core/output.h"
#include "kdebug/core/remote.h"
#include "kdebug/core/session.h"
#include "kdebug/core/stop.h"
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
#define OP_REPEAT  0xf3u
#define OP_SYSRET  "\x48\x0f\x07"
#define OP_NOP     0x90u /* behind OP_REPEAT it is PAUSE */
#define DR7_LENGTH 2u

struct arrival {
    uint64_t status; /* DR6 of the debug exception that brought us here */
    bool by_step;    /* a step that was asked for has */
    bool at_hit;     /* the frame stands where a breakpoint or step brought it */
};

static struct arrival arrivals[CPU_MAX]; /* the latest of each core, written by itself */

static struct {
    uint64_t steps;         /* left of what the person asked for */
    unsigned core;          /* whose they are */
    unsigned next_core;     /* the master after this one */
    bool is_moving;         /* it is to have the prompt, nothing else */
    uint64_t start, end;    /* a step goes on while it is in there */
    bool to_branch;         /* or while each instruction is followed by the next */
    uint64_t next;          /* which would be there */
    bool is_held;           /* a held step is under way */
    bool is_passing;        /* it only passes a breakpoint */
    bool has_passed;        /* it has, so the next breakpoint is a new one */
    bool is_loose;          /* a step with everybody running; its #DB is still to come */
    bool gives_way;         /* a loose one whose instruction waits for others */
    bool gave_way;          /* one of the steps that the person asked for did */
    bool had_if;            /* IF of the frame before the held step */
    uint8_t opcode;         /* of the held instruction */
    bool is_sysret;         /* it is one */
    bool had_r11_tf;        /* and r11 had TF already */
    uint64_t at;            /* where the frame stood when it was left */
    bool faulted;           /* the held instruction has: a hit at `at` is no new one */
    struct arrival arrival; /* of the master */
} run;

static bool
    stands_at_hit[CPU_MAX]; /* R8: it has been master of this stop, and has not gone on since */
static unsigned generation;
static unsigned loaded[CPU_MAX];
static char message_text[160];

void kd_run_step(uint64_t count)
{
    run.steps = count;
    run.core = kd_session_cpu();
    run.gave_way = run.to_branch = run.is_loose = false;
    run.start = run.end = 0;
}

void kd_run_step_range(uint64_t start, uint64_t end)
{
    kd_run_step(1);
    run.start = start;
    run.end = end;
}

void kd_run_step_to_branch(void)
{
    kd_run_step(1);
    run.to_branch = true;
}

unsigned kd_run_cpu(void)
{
    return cpu_id();
}

bool kd_run_can_step(unsigned cpu)
{
    return kd_stop_has(cpu);
}

void kd_run_move(unsigned cpu)
{
    run.next_core = cpu;
    run.is_moving = cpu != cpu_id();
}

bool kd_run_is_moving(void)
{
    return run.is_moving;
}

unsigned kd_run_next_cpu(void)
{
    return run.next_core;
}

bool kd_run_take_over(void)
{
    bool is_for_person = run.is_moving;
    run.is_moving = false;
    run.arrival = (struct arrival){.at_hit = stands_at_hit[cpu_id()]};
    return is_for_person;
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
    if (stepped && run.is_loose && run.gives_way) {
        run.gives_way = false;
        kd_stop_give_way();
    }
    if (stepped && !run.is_loose) {
        status &= ~DR6_BS; /* the rest of a held step whose instruction faulted */
    }
    arrivals[cpu_id()] =
        (struct arrival){.status = status, .by_step = stepped && run.is_loose, .at_hit = true};
    run.is_loose = run.is_loose && !stepped; /* it may be somebody else's hit */
    return status != 0;
}

void kd_run_step_done(struct trap_frame *frame)
{
    bool faulted = frame->vector != VECTOR_DEBUG;
    run.is_held = false;
    if (run.is_sysret && !run.had_r11_tf) {
        frame->r11 &= ~RFLAGS_TF;
    }
    run.faulted = faulted;
    arrivals[cpu_id()] = (struct arrival){.by_step = !faulted, .at_hit = !faulted};
    if (faulted) {
        run.is_loose |= !run.is_passing;
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

void kd_run_abandon(void)
{
    run.steps = 0;
    remove_step_breakpoints();
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
    if (kd_remote_commands_run(&copy.remote_commands, hit.cpu)) {
        return false;
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

/* A step that is wanted until something happens. A string instruction comes back to itself, which is no branch. */
static bool goes_on_by_itself(uint64_t rip)
{
    bool repeats = rip == run.at && run.opcode == OP_REPEAT;
    return (rip >= run.start && rip < run.end) || (run.to_branch && (rip == run.next || repeats));
}

bool kd_run_arrive(struct trap_frame *frame, enum trace_kdebug_reason reason, const char **message)
{
    text_patch_break_none();
    run.arrival = arrivals[cpu_id()];
    run.has_passed = run.is_passing;
    run.is_passing = false;
    if (run.has_passed && reason == TRACE_KDEBUG_REASON_BREAKPOINT) {
        return false;
    }
    if (reason != TRACE_KDEBUG_REASON_BREAKPOINT) {
        run.arrival = (struct arrival){.at_hit = false};
    }
    stands_at_hit[cpu_id()] = run.arrival.at_hit;
    if (reason != TRACE_KDEBUG_REASON_BREAKPOINT) {
        /* no step, no breakpoint */
    } else if (run.arrival.by_step && (run.arrival.status & DR6_SLOTS) == 0) {
        bool is_wanted = run.steps > 0; /* another stop may have come before it */
        run.steps -= is_wanted && !goes_on_by_itself(frame->rip);
        if (!is_wanted || (run.steps > 0 && kd_breakpoint_at(frame->rip, 0) == 0)) {
            return false;
        }
        run.steps = 0;
        char where[64];
        kd_symbol_text(frame->rip, where, sizeof(where));
        format_text(message_text, sizeof(message_text), "step at %s%s", where,
                    run.gave_way ? ", waited for other cores, which ran" : "");
        *message = message_text;
        return true;
    }
    bool stops = reason != TRACE_KDEBUG_REASON_BREAKPOINT || arrive_at_breakpoint(frame, message);
    if (kd_session_is_over()) {
        stops = false; /* the commands of a breakpoint have said how to go on */
    }
    run.faulted = false;
    if (stops) {
        kd_run_abandon();
    }
    return stops;
}

bool kd_run_is_asked_for(void)
{
    return run.arrival.at_hit;
}

const struct kd_breakpoint *kd_run_hardware_hit(void)
{
    for (unsigned slot = 0; slot < KD_HARDWARE_MAX; slot++) {
        const struct kd_breakpoint *breakpoint = kd_breakpoint(kd_breakpoint_hardware(slot));
        if ((run.arrival.status >> slot & 1) && breakpoint != NULL) {
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
    memset(stands_at_hit, 0, sizeof(stands_at_hit));
}

static void begin_held_step(struct trap_frame *frame)
{
    run.is_held = true;
    run.had_if = frame->rflags & RFLAGS_IF;
    run.at = frame->rip;
    frame->rflags = (frame->rflags | RFLAGS_TF) & ~RFLAGS_IF;
    run.had_r11_tf = frame->r11 & RFLAGS_TF;
    frame->r11 |= run.is_sysret ? RFLAGS_TF : 0;
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        *cpu_debug_control(cpu) = DR7_FIXED;
    }
}

/* Where execution goes if the instruction here is no branch. */
static void expect_next(uint64_t rip)
{
    struct kd_instruction instruction;
    if (run.to_branch && kd_instruction_at(kd_session_core_space(rip), rip, &instruction) == OK) {
        run.next = rip + instruction.bytes;
    }
}

/* May the instruction at the frame be executed while all others are held? (R1, R2, R6) */
static bool can_hold(const struct trap_frame *frame, bool *out_waits)
{
    uint8_t code[3] = {0}; /* nothing special */
    *out_waits = false;
    run.opcode = 0;
    run.is_sysret = false;
    if (frame_is_user(frame)) {
        return false;
    }
    (void)kd_read_kernel(frame->rip, code, sizeof(code));
    *out_waits = code[0] == OP_REPEAT && code[1] == OP_NOP && kd_breakpoint_at(frame->rip, 0) == 0;
    run.opcode = code[0];
    run.is_sysret = memcmp(code, OP_SYSRET, sizeof(code)) == 0;
    return code[0] != OP_HLT && !*out_waits;
}

/* Must it pass a breakpoint before everybody runs? (R8) */
static bool must_pass(unsigned cpu)
{
    const struct trap_frame *frame = kd_stop_records[cpu].frame;
    return stands_at_hit[cpu] && kd_stop_has(cpu) && !frame_is_user(frame) &&
           kd_breakpoint_at(frame->rip, 0) != 0;
}

/* Whose turn it is: first a step that holds the others, then who has to pass, at last everybody. */
static unsigned find_next_core(void)
{
    bool waits, steps = run.steps > 0 && !run.is_loose && kd_stop_has(run.core);
    if (run.is_moving) {
        return run.next_core;
    }
    if (steps && can_hold(kd_stop_records[run.core].frame, &waits)) {
        return run.core;
    }
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        if (must_pass(cpu) && !(steps && cpu == run.core)) {
            return cpu;
        }
    }
    return steps ? run.core : cpu_id();
}

enum kd_leave kd_run_leave(struct trap_frame *frame)
{
    bool waits, holds;
    unsigned cpu = cpu_id();
    frame->rflags |= run.arrival.at_hit && !run.has_passed ? RFLAGS_RF : 0;
    run.has_passed = false;
    run.next_core = find_next_core();
    if (run.next_core != cpu) {
        return KD_LEAVE_MOVES;
    }
    bool steps = run.steps > 0 && !run.is_loose && run.core == cpu;
    holds = can_hold(frame, &waits);
    run.is_passing = !steps && must_pass(cpu);
    stands_at_hit[cpu] = false;
    expect_next(frame->rip);
    if (holds && (steps || run.is_passing)) {
        begin_held_step(frame);
        return KD_LEAVE_HOLDS;
    }
    run.is_passing = false;
    kd_run_release();
    if (steps) {
        run.is_loose = true;
        run.gives_way = waits;
        run.gave_way |= waits;
        frame->rflags |= RFLAGS_TF;
    }
    return KD_LEAVE_ENDS;
}
