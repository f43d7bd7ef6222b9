/* SPDX-License-Identifier: MIT */
/*
 * Ways into kdebug and out of it, for the live machine.
 *
 * All ways lead to enter(): NMI and exceptions bring a trap frame; panic, request and boot make
 * one by a breakpoint of our own (kd_trigger), which also puts them into NMI class. The master
 * runs the session on a stack of its own, because it may have been called at the end of any.
 *
 * Each step of coming and going runs under a guard: if one faults, the others are still done, and
 * the person is told. Going in: stop the others, hold the clock, finish a text patch that was
 * broken into, close the serial interrupt. Going out: the same backwards.
 *
 * Two cores may want to enter at once. One becomes master; the other is parked with its wish in
 * its record, is named by the first, and enters by itself when it is let go, unless its wish was
 * a person's (BREAK, escape, NMI), who has got a prompt already.
 */
#include "kdebug/core/kdebug.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/mmu.h"
#include "arch/serial.h"
#include "arch/text_patch.h"
#include "base/hooks.h"
#include "base/string.h"
#include "gen/trace_emit.h"
#include "gen/trace_table.h"
#include "kdebug/core/call.h"
#include "kdebug/core/command.h"
#include "kdebug/core/deferred.h"
#include "kdebug/core/door.h"
#include "kdebug/core/event_print.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/instruction.h"
#include "kdebug/core/lines.h"
#include "kdebug/core/parameters.h"
#include "kdebug/core/passphrase.h"
#include "kdebug/core/macro.h"
#include "kdebug/core/output.h"
#include "kdebug/core/permit.h"
#include "kdebug/core/run.h"
#include "kdebug/core/session.h"
#include "kdebug/core/stop.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"
#include "kdebug/core/terminal.h"
#include "kdebug/core/trace_stop.h"
#include "kdebug/core/remote.h"
#include "kdebug/core/watchdog.h"
#include "kdebug/x86_64/frames.h"
#include "kdebug/x86_64/keyboard.h"
#include "kdebug/x86_64/registers.h"
#include "kdebug/x86_64/stack_call.h"
#include "trace/ring/ring.h"
#include "trace/ring/trigger.h"

#define DR7_OFF 0x400ull
#define DR6_STATUS                                                                                 \
    0xe00fu /* B0-B3, BD, BS, BT (Intel SDM vol. 3B, "Debug Status Register (DR6)") */

struct session_start {
    struct trap_frame *frame;
    enum trace_kdebug_reason reason;
    const char *message;
    bool is_continued;   /* back from a held step: the stop has never ended */
    bool is_moved;       /* another core has handed it to this one */
    enum kd_leave leave; /* out: see run.c */
};

/* Why a core is about to raise kd_trigger(); own core only. */
struct wish {
    bool is_set;
    enum trace_kdebug_reason reason;
    const char *message;
};

static struct wish wishes[CPU_MAX];
static enum kdebug_door admitted;
static uint32_t joined; /* cores that have been reported to stand still */
static uint32_t faulted_steps;
static bool goes_on;        /* the machine can, after this stop; decided where it begins */
static bool has_returned;   /* bytes to the console */
static atomic_uint prompts; /* that a person has seen; a stop at a breakpoint need not have one */

extern const char symtab_blob_start[], symtab_blob_end[], types_blob_start[], types_blob_end[],
    lines_blob_start[], lines_blob_end[], parameters_blob_start[], parameters_blob_end[],
    frames_blob_start[], frames_blob_end[];

/* The line, and where somebody types beside it, the keyboard; what is printed only the line shows. */
static int get_byte(void)
{
    int byte = serial_get();
    return byte >= 0 || kd_remote_is_attached() ? byte : kd_keyboard_get();
}

static const struct kd_line serial_line = {.put = serial_put, .get = get_byte};

static const char *reason_name(enum trace_kdebug_reason reason)
{
    static const char *const names[] = {
        [TRACE_KDEBUG_REASON_BREAK] = "break",
        [TRACE_KDEBUG_REASON_ESCAPE] = "escape",
        [TRACE_KDEBUG_REASON_PANIC] = "panic",
        [TRACE_KDEBUG_REASON_BREAKPOINT] = "breakpoint",
        [TRACE_KDEBUG_REASON_REQUEST] = "request",
        [TRACE_KDEBUG_REASON_NMI] = "nmi",
        [TRACE_KDEBUG_REASON_EXCEPTION] = "exception",
        [TRACE_KDEBUG_REASON_BOOT] = "boot",
        [TRACE_KDEBUG_REASON_WATCHDOG] = "watchdog",
        [TRACE_KDEBUG_REASON_TRIGGER] = "trigger",
    };
    return reason < ARRAY_COUNT(names) ? names[reason] : "unknown";
}

bool kdebug_active(void)
{
    return kd_stop_is_mine();
}

/* ---- steps ---- */

/* A fault in a step is remembered and the next one is done. */
static bool run_step(unsigned number, void (*step)(void))
{
    struct kd_guard guard;
    if (KD_GUARD(guard)) {
        step();
        kd_guard_leave(&guard);
        return true;
    }
    faulted_steps |= 1u << number;
    return false;
}

static void run_steps(void (*const steps[])(void), unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        run_step(i, steps[i]);
    }
}

void kdebug_use_symbols(void)
{
    if (kd_symbols_count() == 0) {
        kd_symbols_use(symtab_blob_start, (size_t)(symtab_blob_end - symtab_blob_start));
    }
    if (kd_types_count(KD_SCOPE_KERNEL) == 0) {
        kd_types_use(types_blob_start, (size_t)(types_blob_end - types_blob_start));
        (void)kd_lines_use(lines_blob_start, (size_t)(lines_blob_end - lines_blob_start));
        (void)kd_parameters_use(parameters_blob_start,
                                (size_t)(parameters_blob_end - parameters_blob_start));
        (void)kd_frames_use(frames_blob_start, (size_t)(frames_blob_end - frames_blob_start));
    }
}

static void stop_others(void)
{
    joined = ~kd_stop_others();
}

/* The converter maps TSC to monotonic time by the nearest record before; the stop has changed the
 * relation. */
static void record_clock(void)
{
    if (clock_tsc_khz() != 0 &&
        trace_lane() ==
            this_cpu()->lane_nmi) { /* nested deeper, the writer would wait for a lock */
        trace_trace_clock(cpu_tsc(), clock_now());
    }
}

static void (*const steps_in[])(void) = {kdebug_use_symbols, kd_door_shut, stop_others, clock_hold,
                                         text_patch_finish};
/* What was read while a breakpoint was passed, or its commands ran, was typed to the console. */
static void give_back(void)
{
    has_returned = !kd_remote_is_attached() && kd_terminal_give_back(serial_give_back);
}

static void (*const steps_out[])(void) = {give_back, clock_release, record_clock, kd_door_open};

/* ---- session ---- */

static void print_others(void)
{
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        const struct kd_stop_record *record = &kd_stop_records[cpu];
        if (cpu != cpu_id() && kd_stop_has(cpu) && record->message != NULL) {
            kd_print("kdebug: cpu %u also wants in: %s: %s\n", cpu, reason_name(record->reason),
                     record->message);
        }
    }
}

/* What will be executed next. */
static void print_instruction(uint64_t rip)
{
    struct kd_instruction next;
    if (kd_instruction_at(kd_session_core_space(rip), rip, &next) == OK && next.bytes != 0) {
        kd_print("kdebug: ");
        kd_print_address(rip);
        kd_print("  %s\n", next.text);
    }
}

/* What set the trigger off, and with a relation what came before. */
static void print_trigger(void)
{
    const struct trace_hit *hit = &trace_hits[cpu_id()];
    const struct trace_trigger_wish *wish = &trace_triggers[hit->trigger].wish;
    unsigned long long ns = (unsigned long long)clock_ns_of_ticks(hit->elapsed);
    kd_print("kdebug: trigger %u: thread %u: ", hit->trigger, hit->moment.thread);
    kd_event_print(hit->moment.record, hit->moment.words);
    kd_print("\n");
    if (wish->relation == TRACE_RELATION_LATER) {
        kd_print("kdebug: %llu ns after %s, more than %llu\n", ns,
                 trace_event_info(wish->first)->name, (unsigned long long)wish->ns);
    } else if (wish->relation == TRACE_RELATION_MISSING) {
        kd_print("kdebug: and no %s since, for %llu ns\n", trace_event_info(wish->event)->name, ns);
    } else if (wish->relation == TRACE_RELATION_BURST) {
        kd_print(
            "kdebug: %u of them in %llu ns, more than %u within %llu; number %llu that matched\n",
            wish->count + 1u, ns, wish->count, (unsigned long long)wish->ns,
            (unsigned long long)hit->number);
    }
}

static void print_banner(const struct session_start *start)
{
    struct trace_region *region = trace_region_get();
    kd_print("\nkdebug: enter reason=%s cpu=%u boot=%016llx\n", reason_name(start->reason),
             cpu_id(), (unsigned long long)(region == NULL ? 0 : region->boot_id));
    if (start->reason == TRACE_KDEBUG_REASON_TRIGGER) {
        print_trigger();
    } else if (start->message != NULL) {
        kd_print("kdebug: %s: %s\n", reason_name(start->reason), start->message);
    }
    if (start->reason == TRACE_KDEBUG_REASON_EXCEPTION) {
        const char *name = kd_vector_name(start->frame->vector);
        kd_print("kdebug: %s (vector %llu, error 0x%llx) at ", name == NULL ? "exception" : name,
                 (unsigned long long)start->frame->vector, (unsigned long long)start->frame->error);
        kd_print_address(start->frame->rip);
        kd_print(" address 0x%llx\n", (unsigned long long)kd_stop_records[cpu_id()].cr2);
    }
    if (start->reason == TRACE_KDEBUG_REASON_BREAKPOINT ||
        start->reason == TRACE_KDEBUG_REASON_WATCHDOG) {
        print_instruction(start->frame->rip);
    }
    print_others();
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        if (!(joined >> cpu & 1)) {
            kd_print("kdebug: cpu %u does not answer\n", cpu);
        }
    }
    if (faulted_steps != 0) {
        kd_print("kdebug: steps %x on the way in have faulted\n", faulted_steps);
    }
}

/* While nothing is typed: cores that come late. */
static void report_late(void)
{
    uint32_t late = ~kd_stop_missing() & ~joined;
    for (unsigned cpu = 0; cpu < CPU_MAX && late != 0; cpu++) {
        if (late >> cpu & 1) {
            kd_print("\nkdebug: cpu %u has come\n%s", cpu,
                     kd_passphrase_is_locked() ? KD_PASSPHRASE_PROMPT : KD_PROMPT);
        }
    }
    joined |= late;
    cpu_relax();
}

/* Is it for a person? If deciding faults, it is. */
static bool decide(struct session_start *start)
{
    struct kd_guard guard;
    if (KD_GUARD(guard)) {
        bool stops = kd_run_arrive(start->frame, start->reason, &start->message);
        kd_guard_leave(&guard);
        return stops;
    }
    return true;
}

static enum kd_leave leave(const struct session_start *start)
{
    struct kd_guard guard;
    if (KD_GUARD(guard)) {
        enum kd_leave how = kd_run_leave(start->frame);
        kd_guard_leave(&guard);
        return how;
    }
    return KD_LEAVE_ENDS;
}

static uint8_t signal_of(enum trace_kdebug_reason reason)
{
    switch (reason) {
    case TRACE_KDEBUG_REASON_PANIC:
        return 6; /* SIGABRT */
    case TRACE_KDEBUG_REASON_EXCEPTION:
        return 11; /* SIGSEGV */
    case TRACE_KDEBUG_REASON_BREAKPOINT:
    case TRACE_KDEBUG_REASON_BOOT:
    case TRACE_KDEBUG_REASON_TRIGGER:
        return 5; /* SIGTRAP */
    default:
        return 2; /* SIGINT */
    }
}

static void tell_gdb(const struct session_start *start)
{
    const struct kd_breakpoint *hit = kd_run_hardware_hit();
    bool is_breakpoint = start->reason == TRACE_KDEBUG_REASON_BREAKPOINT;
    struct kd_remote_stop stop = {
        .cpu = cpu_id(),
        .signal = signal_of(start->reason),
        .is_user = is_breakpoint && frame_is_user(start->frame),
    };
    if (hit != NULL && kd_breakpoint_is_executed(hit)) {
        stop.breakpoint = "hwbreak";
    } else if (hit != NULL) {
        stop.watch = hit->kind == KD_BREAK_WRITE ? "watch" : "awatch";
        stop.watch_address = hit->address;
    } else if (is_breakpoint && kd_breakpoint_at(start->frame->rip, 0) != 0) {
        stop.breakpoint = "swbreak";
    }
    kd_remote_stopped(&stop, true);
    kd_remote_serve(report_late);
}

static void greet(const struct session_start *start)
{
    if (kd_remote_is_attached() && !start->is_moved) {
        tell_gdb(start);
    }
    if (start->is_moved && !kd_session_is_over()) {
        kd_print("kdebug: prompt of cpu %u\n", cpu_id());
    } else if (!kd_session_is_over()) {
        print_banner(start);
        kd_macro_enter(reason_name(start->reason));
    }
}

static bool is_fatal(enum trace_kdebug_reason reason)
{
    return reason == TRACE_KDEBUG_REASON_PANIC || reason == TRACE_KDEBUG_REASON_EXCEPTION ||
           reason == TRACE_KDEBUG_REASON_BREAKPOINT || reason == TRACE_KDEBUG_REASON_WATCHDOG;
}

/* Nobody is there, or nobody may come in. Does not return. */
static void talk_to_nobody(const struct session_start *start)
{
    struct kd_guard guard;
    if (KD_GUARD(guard)) {
        kd_pager_set(0);
        print_banner(start);
        if (admitted == KDEBUG_UNATTENDED) {
            kd_run_line("report");
        }
        kd_guard_leave(&guard);
    }
    static const char halts[] = "kdebug: shut, this core halts\n", resets[] = "kdebug: reboot\n";
    if (admitted == KDEBUG_UNATTENDED) {
        kd_terminal_write(resets, sizeof(resets) - 1);
        power_reset();
    }
    kd_terminal_write(halts, sizeof(halts) - 1);
    cpu_halt_forever();
}

static uint64_t now_us(void)
{
    return kd_stop_us(cpu_tsc()); /* goes on in a stop, too */
}

/* May the machine go on after this stop? A core that the stop is handed to knows of what the arriving core knew only the reason. */
static bool is_survived(const struct session_start *start)
{
    return !is_fatal(start->reason) ||
           (start->reason == TRACE_KDEBUG_REASON_BREAKPOINT && kd_run_is_asked_for());
}

static void talk(const struct session_start *start)
{
    if (admitted != KDEBUG_ATTENDED && !goes_on) {
        talk_to_nobody(start);
    }

    atomic_fetch_add_explicit(&prompts, 1, memory_order_relaxed);
    kd_passphrase_at(now_us, goes_on);
    struct kd_guard guard;
    if (KD_GUARD(guard)) {
        kd_keyboard_begin();
        greet(start);
        kd_guard_leave(&guard);
    }
    kd_session_prompt(report_late);
    kd_keyboard_end();
    kd_terminal_close();
    static const char resume[] = "kdebug: resume\n";
    if (!kd_remote_is_attached() && !kd_run_is_moving()) {
        kd_terminal_write(resume, sizeof(resume) - 1);
    }
}

/* Does this stop end in a prompt? */
static bool arrive(struct session_start *start)
{
    if (start->is_moved) {
        return kd_run_take_over();
    }
    if (start->is_continued && kd_terminal_is_called()) {
        start->reason = TRACE_KDEBUG_REASON_BREAK; /* R7 of run.c */
    }
    if (decide(start)) {
        return true;
    }
    /* Of what was typed ahead of a step only BREAK and the like end it. */
    if (start->is_continued ? !kd_terminal_is_called() : !kd_terminal_is_waiting()) {
        return false;
    }
    /* It has been read while a breakpoint's commands ran, and they let the machine go on. */
    kd_run_abandon();
    kd_session_begin(cpu_id());
    start->reason = TRACE_KDEBUG_REASON_BREAK;
    start->message = NULL;
    return true;
}

static void run_session(void *argument)
{
    struct session_start *start = argument;
    kd_session_begin(cpu_id());
    kd_target = &kd_target_live;
    if (start->is_continued) {
        kd_terminal_reopen();
    } else {
        kd_terminal_use(&serial_line);
    }
    kd_output_begin(NULL, 0);
    if (!start->is_continued) {
        faulted_steps = 0;
        run_steps(steps_in, ARRAY_COUNT(steps_in));
    }
    bool is_for_person = arrive(start);
    if (!start->is_moved) {
        goes_on = is_survived(start);
    }
    if (is_for_person) {
        talk(start);
    } else {
        kd_terminal_close();
    }
    start->leave = leave(start);
    if (start->leave == KD_LEAVE_ENDS) {
        run_steps(steps_out, ARRAY_COUNT(steps_out));
    }
}

/* A person's wish is satisfied by any prompt; the others have something to say that must not be
 * lost. */
static bool is_from_person(enum trace_kdebug_reason reason)
{
    return reason == TRACE_KDEBUG_REASON_BREAK || reason == TRACE_KDEBUG_REASON_ESCAPE ||
           reason == TRACE_KDEBUG_REASON_NMI;
}

/* The serial line's NMI is an edge. One that comes after the line is open again and before its core
 * is out finds the core still in the stop and is passed over; so it is made to look once more. */
static void end_stop(void)
{
    if (has_returned) {
        ipi_send(cpu_id(), VECTOR_CONSOLE);
        has_returned = false;
    }
    kd_stop_end();
    if (kd_door_exists()) {
        kd_stop_send_nmi(KD_DOOR_CPU);
    }
}

static void be_master(struct session_start *start)
{
    enum kd_park parked = KD_PARK_MASTER;
    if (!start->is_moved) {
        kd_trace_enter(start->reason); /* else it has been said on the way to the parking place */
    }
    do {
        kd_stack_call(cpu_debugger_stack.bytes + CPU_DEBUGGER_STACK_BYTES, run_session, start);
        if (start->leave == KD_LEAVE_MOVES) {
            parked = kd_stop_hand_over(kd_run_next_cpu());
            start->is_continued = start->is_moved = true;
        }
    } while (start->leave == KD_LEAVE_MOVES && parked == KD_PARK_MASTER);
    kd_trace_leave(start->reason);
    if (start->leave == KD_LEAVE_HOLDS || parked != KD_PARK_MASTER) {
        return;
    }
    if (kd_deferred_any()) {
        ipi_send(cpu_id(), VECTOR_CONSOLE);
    }
    end_stop();
}

/* If there is a stop, wait for its end; and be its master meanwhile, if it is handed to this core. False: there was none. */
static bool park(struct trap_frame *frame)
{
    enum kd_park parked = kd_stop_park(frame);
    if (parked == KD_PARK_MASTER) {
        struct session_start start = {.frame = frame,
                                      .reason = kd_stop_records[cpu_id()].reason,
                                      .is_continued = true,
                                      .is_moved = true};
        be_master(&start);
    }
    return parked != KD_PARK_NO_STOP;
}

/* Nobody may come in, at least not now: somebody has given a wrong passphrase. */
static bool is_shut(void)
{
    return admitted == KDEBUG_SHUT ||
           (kd_passphrase_is_locked() && kd_passphrase_left_us(now_us()) != 0);
}

static bool is_turned_away(enum trace_kdebug_reason reason)
{
    return (admitted == KDEBUG_SHUT && !is_fatal(reason)) ||
           ((is_from_person(reason) || reason == TRACE_KDEBUG_REASON_REQUEST) && is_shut());
}

static void enter(struct trap_frame *frame, enum trace_kdebug_reason reason, const char *message)
{
    struct session_start start = {.frame = frame, .reason = reason, .message = message};
    if (is_turned_away(reason)) {
        return;
    }
    /* Exceptions come on the lane of the code they interrupt, which may be in the middle of a
     * record. */
    struct cpu *cpu = this_cpu();
    struct trace_lane *lane = cpu->lane;
    if (lane == cpu->lane_normal || lane == trace_lane_exempt()) {
        cpu->lane = cpu->lane_nmi;
    }
    bool served = false;
    start.is_continued = kd_stop_is_mine();
    if (start.is_continued) {
        kd_stop_records[cpu_id()].frame = frame;
        be_master(&start);
        served = true;
    }
    while (!served) {
        if (kd_stop_claim(frame, reason, message)) {
            be_master(&start);
            served = true;
        } else {
            unsigned before = atomic_load_explicit(&prompts, memory_order_relaxed);
            served = park(frame) && is_from_person(reason) &&
                     atomic_load_explicit(&prompts, memory_order_relaxed) != before;
        }
    }
    cpu->lane = lane;
}

/* ---- the ways in ---- */

void kdebug_set_door(enum kdebug_door door)
{
    admitted = door;
}

bool kdebug_lock(const char *classes)
{
    return kd_permit_lock(classes);
}

bool kdebug_ask_passphrase(const char *option)
{
    return kd_passphrase_set(option);
}

void kdebug_open_door(void)
{
    kd_door_make();
}

/* What follows a BREAK or the escape stays in the chip for the prompt, if there will be one. */
static enum serial_event drain_line(void)
{
    if (cpu_id() != KD_DOOR_CPU || !kd_door_exists()) {
        return SERIAL_NOTHING;
    }
    enum serial_event event = serial_drain();
    while (is_shut() && (event == SERIAL_BREAK || event == SERIAL_ESCAPED)) {
        event = MAX(serial_drain(), SERIAL_BYTES);
    }
    return event;
}

void kdebug_nmi(struct trap_frame *frame, bool explained)
{
    kd_stop_be_deaf();
    if (kd_stop_is_mine()) {
        kd_stop_nmi_is_expected(false); /* left over from before, or see end_stop() */
        kd_call_nmi(frame);
        return;
    }
    if (kd_stop_in_progress()) {
        kd_stop_nmi_is_expected(false);
        (void)park(frame);
        return;
    }
    enum serial_event event = drain_line();
    bool expected = kd_stop_nmi_is_expected(explained || event != SERIAL_NOTHING);
    switch (event) {
    case SERIAL_BREAK:
        enter(frame, TRACE_KDEBUG_REASON_BREAK, NULL);
        return;
    case SERIAL_ESCAPED:
        enter(frame, TRACE_KDEBUG_REASON_ESCAPE, NULL);
        return;
    case SERIAL_BYTES:
        ipi_send(cpu_id(), VECTOR_CONSOLE);
        break;
    case SERIAL_NOTHING:
        if (!expected && !park(frame)) {
            enter(frame, TRACE_KDEBUG_REASON_NMI, NULL);
            return;
        }
        break;
    }
    if (kd_keyboard_is_called()) {
        enter(frame, TRACE_KDEBUG_REASON_BREAK, NULL);
        return;
    }
    const char *hang = kd_watchdog_barks();
    if (hang != NULL) {
        enter(frame, TRACE_KDEBUG_REASON_WATCHDOG, hang);
    }
}

static enum trace_kdebug_reason reason_of(uint64_t vector)
{
    return vector == VECTOR_BREAKPOINT || vector == VECTOR_DEBUG ? TRACE_KDEBUG_REASON_BREAKPOINT
                                                                 : TRACE_KDEBUG_REASON_EXCEPTION;
}

static uint64_t take_debug_status(void)
{
    uint64_t status;
    __asm__ volatile("movq %%dr6, %0" : "=r"(status));
    __asm__ volatile("movq %0, %%dr6" ::"r"(0xffff0ff0ull));
    return status & DR6_STATUS;
}

/* An exception of the debugger's own code. Nothing guards only in a few lines on the way in and
 * out. */
static void survive(struct trap_frame *frame)
{
    if (!kd_guard_divert(frame, mmu_fault_address())) {
        static const char words[] = "\nkdebug: fault outside of any guard; this core halts\n";
        kd_terminal_write(words, sizeof(words) - 1);
        cpu_halt_forever();
    }
}

/* Nobody but kdebug serves these in kernel mode. */
static bool is_nmi_class(uint64_t vector)
{
    return vector == VECTOR_BREAKPOINT || vector == VECTOR_DOUBLE_FAULT ||
           vector == VECTOR_MACHINE_CHECK;
}

/* A held step came to its end. False: by an exception of the instruction itself, which somebody
 * else must serve; everybody runs again. */
static bool end_held_step(struct trap_frame *frame)
{
    kd_run_step_done(frame);
    if (frame->vector == VECTOR_DEBUG) {
        take_debug_status();
        enter(frame, TRACE_KDEBUG_REASON_BREAKPOINT, NULL);
        return true;
    }
    kd_run_release();
    run_steps(steps_out, ARRAY_COUNT(steps_out));
    end_stop();
    return false;
}

bool kdebug_user_debug(struct trap_frame *frame)
{
    if (kd_run_is_stepping()) {
        return end_held_step(frame); /* the instruction was the way to user mode */
    }
    if (!frame_is_user(frame) || !kd_run_debug_hit(frame, take_debug_status())) {
        return false;
    }
    uint64_t off = DR7_OFF;
    __asm__ volatile("movq %0, %%dr7" ::"r"(off)); /* the NMI class' stubs do this themselves */
    enter(frame, TRACE_KDEBUG_REASON_BREAKPOINT, NULL);
    __asm__ volatile("movq %0, %%dr7" ::"r"(*cpu_debug_control(cpu_id())));
    return true;
}

/* False: not a breakpoint of ours. */
static bool serve_code_hit(struct trap_frame *frame)
{
    enum kd_code_hit hit = kd_run_code_hit(frame);
    if (hit == KD_HIT_OURS) {
        enter(frame, TRACE_KDEBUG_REASON_BREAKPOINT, NULL);
    }
    return hit != KD_HIT_FOREIGN;
}

bool kdebug_trap(struct trap_frame *frame)
{
    if (kd_stop_is_mine() && kd_run_is_stepping() &&
        (end_held_step(frame) || !is_nmi_class(frame->vector))) {
        return frame->vector == VECTOR_DEBUG;
    }
    if (kd_stop_is_mine()) {
        survive(frame);
        return true;
    }
    if (frame_is_user(frame)) {
        return false;
    }
    if (frame->vector == VECTOR_DEBUG && !kd_run_debug_hit(frame, take_debug_status())) {
        return true;
    }
    if (frame->vector == VECTOR_BREAKPOINT && serve_code_hit(frame)) {
        return true;
    }
    struct wish *wish = &wishes[cpu_id()];
    if (frame->vector == VECTOR_BREAKPOINT &&
        frame->rip == (uint64_t)kd_trigger + KD_TRIGGER_BYTES && wish->is_set) {
        struct wish taken = *wish;
        wish->is_set = false;
        enter(frame, taken.reason, taken.message);
        return true;
    }
    enter(frame, reason_of(frame->vector), NULL);
    return true;
}

static void trigger(enum trace_kdebug_reason reason, const char *message)
{
    wishes[cpu_id()] = (struct wish){.is_set = true, .reason = reason, .message = message};
    kd_trigger();
}

void kdebug_panic(const char *message)
{
    if (kd_stop_is_mine()) {
        kd_raise_message(message);
    }
    trigger(TRACE_KDEBUG_REASON_PANIC, message);
}

void kdebug_request(const char *why)
{
    trigger(TRACE_KDEBUG_REASON_REQUEST, why);
}

void kdebug_trigger(const char *event)
{
    trigger(TRACE_KDEBUG_REASON_TRIGGER, event);
}

void kdebug_boot(void)
{
    trigger(TRACE_KDEBUG_REASON_BOOT, NULL);
}
