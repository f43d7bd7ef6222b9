/* SPDX-License-Identifier: MIT */
/*
 * Interruptions at a place of one's choice, for code that proves that it can stand them
 * (trace/sweep). Context of all: interrupts off, own core.
 */
#pragma once

#include "base/types.h"

/*
 * timer_nmi_begin() - make the local APIC's timer raise NMIs in place of VECTOR_TIMER.
 *
 * False, nothing changed: not on this machine. The Intel SDM vol. 3A, "Local Vector Table", allows
 * only the delivery mode "fixed" for the timer; QEMU delivers whatever is asked for, and does so
 * after exactly as many instructions as ticks when it counts them (-icount shift=0).
 *
 * timer_nmi_after() - an NMI in so many ticks; 0: none. timer_nmi_is_over() - the time is up.
 * timer_nmi_end() - as before; VECTOR_TIMER comes at once, since its time may have passed.
 *
 * timer_nmi_mask() - between the two: it raises interrupts that wait while interrupts are off, or NMIs again. They have
 * VECTOR_SPURIOUS, which nobody serves. interrupt_waits() - one has not been taken yet. interrupt_let_in() - open interrupts for two
 * instructions, for nothing else; true: one came, then or earlier.
 */
bool timer_nmi_begin(void);
void timer_nmi_after(uint32_t ticks);
bool timer_nmi_is_over(void);
void timer_nmi_end(void);
void timer_nmi_mask(bool is_masked);
bool interrupt_waits(void);
bool interrupt_let_in(void);

/* debug_status_clear() - DR6 as after reset: what a served #DB leaves behind. */
void debug_status_clear(void);

/* cpu_step_on() / cpu_step_off() - #DB after each instruction from the next one on / up to here. */
static inline void cpu_step_on(void)
{
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
}

static inline void cpu_step_off(void)
{
    __asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
}
