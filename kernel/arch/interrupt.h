/* SPDX-License-Identifier: MIT */
/* Vectors, IPIs and the interrupt controllers. */
#pragma once

#include "arch/frame.h"
#include "base/types.h"

/* Exceptions (Intel SDM vol. 3A, "Exception and Interrupt Vectors"). */
#define VECTOR_DIVIDE        0
#define VECTOR_DEBUG         1
#define VECTOR_NMI           2
#define VECTOR_BREAKPOINT    3
#define VECTOR_UNDEFINED     6
#define VECTOR_NO_FPU        7
#define VECTOR_DOUBLE_FAULT  8
#define VECTOR_PROTECTION    13
#define VECTOR_PAGE_FAULT    14
#define VECTOR_MACHINE_CHECK 18
#define VECTOR_EXCEPTIONS    32

/* Interrupts. */
#define VECTOR_IRQ_BASE   0x30 /* IOAPIC lines, up to 0xdf */
#define VECTOR_TIMER      0xe0
#define VECTOR_RESCHEDULE 0xe1 /* IPI: look at the run queue */
#define VECTOR_POLL       0xe2 /* IPI: call core_poll() */
#define VECTOR_CONSOLE    0xe3 /* self-IPI: bytes are in the console's input ring */
#define VECTOR_WATCHDOG   0xe4 /* IPI: do you take interrupts? */
#define VECTOR_ERROR      0xfe
#define VECTOR_SPURIOUS   0xff

#define FAULT_PRESENT  1u
#define FAULT_WRITE    2u
#define FAULT_USER     4u
#define FAULT_RESERVED 8u
#define FAULT_FETCH    16u

/*
 * interrupt_init_boot() - mask the 8259s, set up the IOAPICs (all lines masked) and the local APIC
 * of the boot core.
 */
void interrupt_init_boot(void);

/*
 * interrupt_eoi() - tell the local APIC that the interrupt is served. Before anything that may
 * switch threads.
 */
void interrupt_eoi(void);

/* ipi_send() - raise vector on another core. Cannot fail. Context: interrupts off. */
void ipi_send(unsigned cpu, unsigned vector);

/* ipi_send_nmi() - NMI to one core / to all others. Context: any. Polls the ICR, takes no lock. */
void ipi_send_nmi(unsigned cpu);
void ipi_send_nmi_others(void);

/*
 * timer_arm() - raise VECTOR_TIMER on this core at an absolute TSC value, replacing what was armed;
 * at once if past. timer_disarm() - and not at all. Both: interrupts off, own core. The interrupt
 * may come early by the timer's resolution, and may still arrive once after disarming: the handler
 * compares the clock.
 */
void timer_arm(tsc_t deadline);
void timer_disarm(void);

/* Where an I/O APIC line leads: its number among all chips (global system interrupt), and how it says that it is active. */
struct line_route {
    uint32_t gsi;
    bool level;
    bool active_low;
};

/* interrupt_isa_route() - of an ISA line, after the firmware's overrides. False: there is none. */
bool interrupt_isa_route(uint32_t isa_line, struct line_route *out);
/* interrupt_line_exists() - some chip has this line. interrupt_line_is_kept() - the kernel uses it (NMIs of the console and the interval
 * timer). */
bool interrupt_line_exists(uint32_t gsi);
bool interrupt_line_is_kept(uint32_t gsi);
/*
 * interrupt_line_route() - deliver a line to a vector of a core, unmasked. interrupt_line_mask() - and stop it, or go on.
 * interrupt_line_steer() - deliver it to another core, masked or not as it was; nothing that comes meanwhile is lost.
 * Context: interrupts off; callers take turns.
 */
void interrupt_line_route(const struct line_route *route, unsigned vector, unsigned cpu);
void interrupt_line_mask(uint32_t gsi, bool masked);
void interrupt_line_steer(uint32_t gsi, unsigned cpu);
/* interrupt_message() - what a device writes, and where, to raise a vector on a core. */
void interrupt_message(unsigned vector, unsigned cpu, uint64_t *out_address, uint64_t *out_data);

/*
 * ioapic_route_nmi() - deliver an ISA line (after source overrides) as NMI to a core; ioapic_mask()
 * - and stop it. ERR_NOT_FOUND: the line leads to no I/O APIC. Context: any, also kdebug's prompt.
 */
status_t ioapic_route_nmi(unsigned isa_line, unsigned cpu);
void ioapic_mask(unsigned isa_line, bool masked);
