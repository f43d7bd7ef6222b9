/* SPDX-License-Identifier: MIT */
/*
 * I/O APICs and the 8259s they replace.
 *
 * The chip has one index and one data register. kdebug masks its line in NMI class, perhaps between
 * somebody's two accesses; so each access puts the index back that it found, and needs no lock
 * against NMIs. Two cores do not write at a time: kdebug has stopped the others, and irq/interrupt.c takes a lock of its own.
 *
 * Source: 82093AA I/O APIC data sheet; 8259A data sheet; ACPI 6.4, "Multiple APIC Description Table
 * (MADT)"; Intel SDM vol. 3A, "Message Signalled Interrupts".
 */
#include "arch/acpi.h"
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/mmu.h"
#include "arch/x86_64/apic_impl.h"
#include "arch/x86_64/ioapic_entry.h"
#include "base/assert.h"

#define IOAPIC_INDEX 0x00u
#define IOAPIC_DATA  0x10u

#define IOAPIC_VERSION     1u
#define IOAPIC_TABLE       0x10u
#define IOAPIC_LINES_SHIFT 16u

#define PIC_MASTER 0x20u
#define PIC_SLAVE  0xa0u
#define PIC_DATA   1u /* offset of the data port */

#define MESSAGE_ADDRESS           0xfee00000ull
#define MESSAGE_DESTINATION_SHIFT 12

static uint16_t kept_isa_lines; /* those that ioapic_route_nmi() took, a bit each */
static unsigned ioapic_lines[ARRAY_COUNT(acpi_info.ioapic)];

static uint32_t access_register(unsigned chip, unsigned index, const uint32_t *value)
{
    volatile uint8_t *base = phys_to_virt(acpi_info.ioapic[chip].address);
    volatile uint32_t *select = (volatile uint32_t *)(base + IOAPIC_INDEX);
    volatile uint32_t *data = (volatile uint32_t *)(base + IOAPIC_DATA);
    uint32_t outer = *select;
    uint32_t result = 0;
    *select = index;
    if (value) {
        *data = *value;
    } else {
        result = *data;
    }
    *select = outer;
    return result;
}

static uint32_t read_register(unsigned chip, unsigned index)
{
    return access_register(chip, index, NULL);
}

static void write_register(unsigned chip, unsigned index, uint32_t value)
{
    access_register(chip, index, &value);
}

/*
 * The mask is in the low half: set it first and clear it last, so that no half-written entry is
 * live.
 */
static void write_entry(unsigned chip, unsigned line, uint64_t entry)
{
    unsigned index = IOAPIC_TABLE + 2 * line;
    write_register(chip, index, (uint32_t)IOAPIC_MASKED);
    write_register(chip, index + 1, (uint32_t)(entry >> 32));
    write_register(chip, index, (uint32_t)entry);
}

static bool find_line(uint32_t gsi, unsigned *out_chip, unsigned *out_line)
{
    for (unsigned chip = 0; chip < acpi_info.ioapic_count; chip++) {
        uint32_t base = acpi_info.ioapic[chip].gsi_base;
        if (gsi >= base && gsi - base < ioapic_lines[chip]) {
            *out_chip = chip;
            *out_line = gsi - base;
            return true;
        }
    }
    return false;
}

/* Masked, and moved off the exception vectors: a spurious one may come even from a masked 8259. */
static void mask_8259s(void)
{
    static const struct {
        uint16_t port;
        uint8_t value;
    } sequence[] = {
        {PIC_MASTER, 0x11},
        {PIC_SLAVE, 0x11}, /* ICW1: cascade, ICW4 follows */
        {PIC_MASTER + PIC_DATA, 0x20},
        {PIC_SLAVE + PIC_DATA, 0x28}, /* ICW2: first vector */
        {PIC_MASTER + PIC_DATA, 0x04},
        {PIC_SLAVE + PIC_DATA, 0x02}, /* ICW3: cascade on line 2 */
        {PIC_MASTER + PIC_DATA, 0x01},
        {PIC_SLAVE + PIC_DATA, 0x01}, /* ICW4: 8086 mode */
        {PIC_MASTER + PIC_DATA, 0xff},
        {PIC_SLAVE + PIC_DATA, 0xff}, /* OCW1: mask all */
    };
    for (unsigned i = 0; i < ARRAY_COUNT(sequence); i++) {
        port_write(sequence[i].port, 1, sequence[i].value);
    }
}

void ioapic_init(void)
{
    for (unsigned chip = 0; chip < acpi_info.ioapic_count; chip++) {
        ioapic_lines[chip] = (read_register(chip, IOAPIC_VERSION) >> IOAPIC_LINES_SHIFT & 0xff) + 1;
        for (unsigned line = 0; line < ioapic_lines[chip]; line++) {
            write_entry(chip, line, IOAPIC_MASKED);
        }
    }
}

void interrupt_init_boot(void)
{
    mask_8259s();
    ioapic_init();
    apic_init_core();
}

status_t ioapic_route_nmi(unsigned isa_line, unsigned cpu)
{
    VERIFY(isa_line < ARRAY_COUNT(acpi_info.isa_line) && cpu < CPU_MAX);
    unsigned chip, line;
    if (!find_line(acpi_info.isa_line[isa_line].gsi, &chip, &line)) {
        return ERR_NOT_FOUND;
    }
    kept_isa_lines |= (uint16_t)(1u << isa_line);
    write_entry(chip, line,
                ioapic_entry_nmi(acpi_info.isa_line[isa_line].flags, cpus[cpu].apic_id));
    return OK;
}

bool interrupt_isa_route(uint32_t isa_line, struct line_route *out)
{
    if (isa_line >= ARRAY_COUNT(acpi_info.isa_line)) {
        return false;
    }
    uint16_t flags = acpi_info.isa_line[isa_line].flags;
    out->gsi = acpi_info.isa_line[isa_line].gsi;
    out->level = (flags & INTI_TRIGGER_MASK) == INTI_TRIGGER_LEVEL;
    out->active_low = (flags & INTI_POLARITY_MASK) == INTI_POLARITY_LOW;
    return true;
}

bool interrupt_line_exists(uint32_t gsi)
{
    unsigned chip, line;
    return find_line(gsi, &chip, &line);
}

bool interrupt_line_is_kept(uint32_t gsi)
{
    for (unsigned i = 0; i < ARRAY_COUNT(acpi_info.isa_line); i++) {
        if ((kept_isa_lines >> i & 1) && acpi_info.isa_line[i].gsi == gsi) {
            return true;
        }
    }
    return false;
}

void interrupt_line_route(const struct line_route *route, unsigned vector, unsigned cpu)
{
    unsigned chip, line;
    VERIFY(find_line(route->gsi, &chip, &line));
    write_entry(chip, line,
                ioapic_entry_fixed(route->level, route->active_low, vector, cpus[cpu].apic_id));
}

/* Only the destination is in the high half, so one write changes it whole, and the mask, under which an edge would be lost,
 * stays out of it. */
void interrupt_line_steer(uint32_t gsi, unsigned cpu)
{
    unsigned chip, line;
    VERIFY(find_line(gsi, &chip, &line));
    uint64_t entry = (uint64_t)cpus[cpu].apic_id << IOAPIC_DESTINATION_SHIFT;
    write_register(chip, IOAPIC_TABLE + 2 * line + 1, (uint32_t)(entry >> 32));
}

/* Physical destination, fixed delivery, edge. */
void interrupt_message(unsigned vector, unsigned cpu, uint64_t *out_address, uint64_t *out_data)
{
    *out_address = MESSAGE_ADDRESS | (uint64_t)cpus[cpu].apic_id << MESSAGE_DESTINATION_SHIFT;
    *out_data = vector;
}

void ioapic_mask(unsigned isa_line, bool masked)
{
    if (isa_line < ARRAY_COUNT(acpi_info.isa_line)) {
        interrupt_line_mask(acpi_info.isa_line[isa_line].gsi, masked);
    }
}

void interrupt_line_mask(uint32_t gsi, bool masked)
{
    unsigned chip, line;
    if (!find_line(gsi, &chip, &line)) {
        return;
    }
    unsigned index = IOAPIC_TABLE + 2 * line;
    uint32_t entry = read_register(chip, index);
    entry = masked ? entry | (uint32_t)IOAPIC_MASKED : entry & ~(uint32_t)IOAPIC_MASKED;
    write_register(chip, index, entry);
}
