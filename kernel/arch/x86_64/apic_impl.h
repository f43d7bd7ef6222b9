/* SPDX-License-Identifier: MIT */
/* Local APIC and I/O APIC, among the files of this folder. */
#pragma once

#include "base/types.h"

/*
 * How an INIT or start-up IPI, an NMI or a plain interrupt is named in the interrupt command
 * register.
 */
enum apic_delivery {
    APIC_FIXED = 0,
    APIC_NMI = 4,
    APIC_INIT = 5,
    APIC_STARTUP = 6,
};

/* apic_init_core() - software enable, LVT entries, spurious vector of this core's local APIC. */
void apic_init_core(void);

/* apic_id_core() - as the enabled local APIC of this core says. */
uint32_t apic_id_core(void);

/*
 * apic_send() - one IPI to one APIC. Context: interrupts off, also NMI class. Waits until the APIC
 * has sent the one before.
 */
void apic_send(uint32_t apic_id, enum apic_delivery delivery, unsigned vector);

/*
 * apic_timer_count_start() / apic_timer_count() - let the masked timer run down from its highest
 * value; ticks since then. apic_timer_set_rate() - timer ticks per TSC tick, as a fraction of 2^32;
 * the same on every core.
 */
void apic_timer_count_start(void);
uint32_t apic_timer_count(void);
void apic_timer_set_rate(uint64_t ticks_per_tsc_32);

/*
 * apic_timer_set_mode() - what this core's timer raises: an interrupt with a vector, or an NMI; it is stopped.
 * apic_timer_set() - start it over; 0: stop. apic_timer_left() - ticks until it is over.
 */
void apic_timer_set_mode(enum apic_delivery delivery, unsigned vector);
void apic_timer_set(uint32_t ticks);
uint32_t apic_timer_left(void);

/*
 * apic_is_requested() - an interrupt with that vector waits to be taken by this core. apic_is_in_service() - it was, and there was no
 * EOI. apic_take_above() - the core takes no others but those of a higher priority class than this vector's; 0: all.
 */
bool apic_is_requested(unsigned vector);
bool apic_is_in_service(unsigned vector);
void apic_take_above(unsigned vector);

/* ioapic_init() - find the chips that acpi_info names, mask every line. */
void ioapic_init(void);
