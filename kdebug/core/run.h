/* SPDX-License-Identifier: MIT */
/* Run control: how the machine goes on, and whether an arrival is a stop. Theory in run.c. */
#pragma once

#include "arch/frame.h"
#include "base/types.h"
#include "gen/trace_events.h"
#include "kdebug/core/breakpoint.h"

/* ---- for commands: how to go on when the session ends ---- */

/* kd_run_step() - so many instructions, of the core that is selected (session.h). */
void kd_run_step(uint64_t count);

/* kd_run_step_range() - the same, on and on while it stands from `start` up to `end`. kd_run_step_to_branch() - on and on up to an
 * instruction that goes elsewhere than to the next. Both end at breakpoints and by BREAK. */
void kd_run_step_range(uint64_t start, uint64_t end);
void kd_run_step_to_branch(void);

/* kd_run_cpu() - the core at the prompt. kd_run_can_step() - it was captured, so it may be that, or be stepped. */
unsigned kd_run_cpu(void);
bool kd_run_can_step(unsigned cpu);

/* kd_run_move() - the prompt goes to another core, that can be stepped; nothing runs. */
void kd_run_move(unsigned cpu);

/* ---- for enter.c ---- */

/* kd_run_is_stepping() - this core was let run for one instruction, all others being held. */
bool kd_run_is_stepping(void);

enum kd_code_hit {
    KD_HIT_FOREIGN, /* an INT3 of the code itself */
    KD_HIT_OURS,    /* the frame is back at its instruction */
    KD_HIT_REMOVED, /* the same, but there is no breakpoint any more: just go on */
};

/* kd_run_code_hit() - whose #BP is this? */
enum kd_code_hit kd_run_code_hit(struct trap_frame *frame);

/* kd_run_debug_hit() - does this #DB, with this DR6, concern us? Takes TF out of the frame. */
bool kd_run_debug_hit(struct trap_frame *frame, uint64_t status);

/* kd_run_step_done() - the held instruction is over, or has faulted. */
void kd_run_step_done(struct trap_frame *frame);

/*
 * kd_run_arrive() - the machine stands still: take breakpoints out, and decide.
 *
 * @message  in: why, or NULL; out: what to tell the person
 * True: a person is to see this. May run the commands of a breakpoint.
 */
bool kd_run_arrive(struct trap_frame *frame, enum trace_kdebug_reason reason, const char **message);

/* kd_run_abandon() - somebody wants a prompt: no step that is under way goes on. */
void kd_run_abandon(void);

/* kd_run_is_asked_for() - this arrival is at somebody's breakpoint, watchpoint or step. */
bool kd_run_is_asked_for(void);

/* kd_run_hardware_hit() - the breakpoint or watchpoint in a debug register that brought us here, NULL: none did. */
const struct kd_breakpoint *kd_run_hardware_hit(void);

enum kd_leave {
    KD_LEAVE_ENDS,  /* release everybody */
    KD_LEAVE_HOLDS, /* only this core goes on, for one instruction */
    KD_LEAVE_MOVES, /* another core is next: kd_run_next_cpu() */
};

/* kd_run_leave() - get ready to go on. */
enum kd_leave kd_run_leave(struct trap_frame *frame);
unsigned kd_run_next_cpu(void);

/* kd_run_take_over() - this core has been made master by KD_LEAVE_MOVES. True: for a person, by kd_run_move(); else leave at once.
 * kd_run_is_moving() - that is what has been asked for. */
bool kd_run_take_over(void);
bool kd_run_is_moving(void);

/* kd_run_release() - everybody is about to run: breakpoints in. kd_run_leave() does it when it has
 * to be; else only after a held step that faulted. */
void kd_run_release(void);

/* kd_run_load_registers() - load this core's debug registers, if they have changed. Context: any
 * core on its way out of a stop. */
void kd_run_load_registers(void);
