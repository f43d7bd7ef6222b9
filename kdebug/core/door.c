/* SPDX-License-Identifier: MIT */
/* The serial line as a way in (door.h). */
#include "kdebug/core/door.h"

#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/serial.h"
#include "base/log.h"
#include "kdebug/core/remote.h"

#define SERIAL_ISA_LINE 4u
#define GDB_INTERRUPT   0x03

static bool exists;
static bool is_moved; /* to another core than KD_DOOR_CPU */

void kd_door_make(void)
{
    exists = true;
    status_t status = ioapic_route_nmi(SERIAL_ISA_LINE, KD_DOOR_CPU);
    if (status != OK) {
        log_warning("kdebug: the serial line leads to no I/O APIC: no BREAK gets through");
    }
    serial_interrupt_enable(true);
}

bool kd_door_exists(void)
{
    return exists;
}

void kd_door_shut(void)
{
    serial_interrupt_enable(false);
    if (!exists) {
        return;
    }
    if (is_moved) {
        (void)ioapic_route_nmi(SERIAL_ISA_LINE, KD_DOOR_CPU); /* it was there before */
        is_moved = false;
    }
    ioapic_mask(SERIAL_ISA_LINE, true);
}

/* The line first: enabling the chip with bytes waiting makes the edge that a masked line would
 * have missed. */
void kd_door_open(void)
{
    serial_set_escape(kd_remote_is_attached() ? GDB_INTERRUPT : SERIAL_ESCAPE);
    if (exists) {
        ioapic_mask(SERIAL_ISA_LINE, false);
        serial_interrupt_enable(true);
    }
}

void kd_door_open_here(void)
{
    if (exists && ioapic_route_nmi(SERIAL_ISA_LINE, cpu_id()) == OK) {
        is_moved = true;
        serial_interrupt_enable(true);
    }
}
