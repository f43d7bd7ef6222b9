/* SPDX-License-Identifier: MIT */
/* Run control: how the machine goes on, and whether an arrival is a stop. Theory in run.c. */
#pragma once

#include "arch/frame.h"
#include "base/types.h"
#include "gen/trace_events.h"
#include "kdebug/core/breakpoint.h"

/* ---- for commands: how to go on when the session ends ---- */

/* kd_run_step() - so many instructions, of the core that entered. */
void kd_run_step(uint64_t count);

/* kd_run_cpu() - the core that entered. kd_run_can_step() - it is this one. */
unsigned kd_run_cpu(void);
bool kd_run_can_step(unsigned cpu);

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

/* kd_run_watch_hit() - the watchpoint that brought us here, NULL: none did. */
const struct kd_breakpoint *kd_run_watch_hit(void);

/* kd_run_leave() - get ready to go on. True: only this core, for one instruction; do not release
 * the others. */
bool kd_run_leave(struct trap_frame *frame);

/* kd_run_release() - everybody is about to run: breakpoints in. kd_run_leave() does it when it has
 * to be; else only after a held step that faulted. */
void kd_run_release(void);

/* kd_run_load_registers() - load this core's debug registers, if they have changed. Context: any
 * core on its way out of a stop. */
void kd_run_load_registers(void);
