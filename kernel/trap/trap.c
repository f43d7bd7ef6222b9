/* SPDX-License-Identifier: MIT */
/*
 * Where exceptions and interrupts go. Called by the entry stubs with interrupts off (arch/README.md states the entry contract).
 *
 * Interrupts only arrive from user mode, from the idle loop's halt and at preempt points, so no lock is held here. Handlers do not
 * switch threads: they leave a note in cpu->work, which the way back to user mode, the idle loop and the preempt point act on. But an
 * interrupt of a device that wakes a more urgent thread than the one in user mode goes over to it, when all else is done.
 */
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "base/log.h"
#include "gen/trace_emit.h"
#include "irq/console.h"
#include "irq/interrupt.h"
#include "kdebug/core/kdebug.h"
#include "kdebug/core/watchdog.h"
#include "sched/dispatch.h"
#include "sched/sched.h"
#include "trace/probe/probe.h"
#include "trace/profile/profile.h"
#include "trace/ring/ring.h"
#include "trace/sweep/sweep.h"
#include "trap/fault.h"

static void serve_interrupt(unsigned vector)
{
    switch (vector) {
    case VECTOR_TIMER:
        sched_timer();
        break;
    case VECTOR_RESCHEDULE:
        sched_reschedule();
        break;
    case VECTOR_POLL:
        core_poll();
        sched_reschedule();
        break;
    case VECTOR_CONSOLE:
        kdebug_deferred();
        console_interrupt();
        break;
    case VECTOR_WATCHDOG:
        kd_watchdog_answer();
        break;
    default:
        log_warning("interrupt %#x has no handler", vector);
    }
}

void trap_resumed(struct trap_frame *frame)
{
    (void)frame;
    thread_switch_finish();
}

/* Last act of an interrupt: the thread that it has woken goes on at once if it is more urgent than what was interrupted. */
static void wake(const struct trap_frame *frame, struct thread *woken)
{
    if (LIKELY(frame_is_user(frame))) {
        thread_ready_or_give_way(woken, TRACE_WAKE_REASON_INTERRUPT, trap_parked);
    } else {
        thread_ready(woken, OK, TRACE_WAKE_REASON_INTERRUPT);
    }
}

static void dispatch_interrupt(const struct trap_frame *frame, unsigned vector)
{
    struct thread *woken = NULL;
    if (vector == VECTOR_SPURIOUS) {
        return; /* no EOI: Intel SDM vol. 3A, "Spurious Interrupt" */
    }
    trace_irq_enter((uint8_t)vector);
    if (vector >= VECTOR_IRQ_BASE && vector < VECTOR_TIMER) {
        /* First: a level line that is not masked yet would come again at once. */
        woken = interrupt_deliver(vector);
        interrupt_eoi();
    } else {
        interrupt_eoi();
        serve_interrupt(vector);
    }
    trace_irq_exit((uint8_t)vector);
    if (woken != NULL) {
        wake(frame, woken);
    }
}

void trap_dispatch(struct trap_frame *frame)
{
    unsigned vector = (unsigned)frame->vector;
    if (vector >= VECTOR_EXCEPTIONS) {
        dispatch_interrupt(frame, vector);
    } else if ((!frame_is_user(frame) && kdebug_active() && kdebug_trap(frame)) ||
               (vector == VECTOR_DEBUG && kdebug_user_debug(frame))) {
        /* the debugger's own, or a step or a watchpoint of somebody at the prompt */
    } else if (vector == VECTOR_PAGE_FAULT) {
        fault_page(frame);
    } else {
        fault_exception(frame);
    }
}

static bool is_probe(struct trap_frame *frame)
{
    return frame->vector == VECTOR_BREAKPOINT && probe_hit(frame);
}

void trap_dispatch_nmi_class(struct trap_frame *frame)
{
    static unsigned depth[CPU_MAX];
    struct cpu *cpu = this_cpu();
    if (++depth[cpu->id] > 1) {
        /* Interrupted another of us, perhaps in the middle of a record: no event of ours may go into its lane. */
        cpu->lane = trace_lane_nested(cpu->id);
    } else {
        trace_keep_time(cpu->lane);
    }
    bool is_planned = trace_sweep_caught(frame);
    if (frame->vector == VECTOR_NMI) { /* two NMIs may have become one: everybody looks */
        bool explained = profile_nmi(frame);
        kdebug_nmi(frame, explained || is_planned);
    } else if (!is_planned && !is_probe(frame) && !kdebug_trap(frame)) {
        panic("exception %u in the kernel at %#llx", (unsigned)frame->vector,
              (unsigned long long)frame->rip);
    }
    cpu = this_cpu();
    if (depth[cpu->id] == 1) {
        trace_tell_losses(cpu->lane); /* of those that interrupted this one */
    }
    depth[cpu->id]--;
}
