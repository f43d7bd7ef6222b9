/* SPDX-License-Identifier: MIT */
/*
 * How a redirection entry of an I/O APIC is put together; pure, so that a host test can check it.
 */
#pragma once

#include "base/types.h"

/* Flags of an interrupt source override (ACPI 6.4, "MPS INTI Flags"). */
#define INTI_POLARITY_MASK 0x3u
#define INTI_POLARITY_LOW  0x3u
#define INTI_TRIGGER_MASK  0xcu
#define INTI_TRIGGER_LEVEL 0xcu

/* Bits of an entry (82093AA I/O APIC data sheet, "I/O Redirection Table Registers"). */
#define IOAPIC_DELIVERY_FIXED    (0ull << 8)
#define IOAPIC_DELIVERY_NMI      (4ull << 8)
#define IOAPIC_ACTIVE_LOW        (1ull << 13)
#define IOAPIC_LEVEL             (1ull << 15)
#define IOAPIC_MASKED            (1ull << 16)
#define IOAPIC_DESTINATION_SHIFT 56

/*
 * ioapic_entry_nmi() - deliver a line as NMI to one core. "Conforms to bus" (0) means active high,
 * edge for ISA. NMI is edge triggered whatever the flags say: there is no end-of-interrupt that
 * would lower a level.
 */
static inline uint64_t ioapic_entry_nmi(uint16_t inti_flags, uint32_t apic_id)
{
    uint64_t entry = IOAPIC_DELIVERY_NMI | (uint64_t)apic_id << IOAPIC_DESTINATION_SHIFT;
    if ((inti_flags & INTI_POLARITY_MASK) == INTI_POLARITY_LOW) {
        entry |= IOAPIC_ACTIVE_LOW;
    }
    return entry;
}

/* ioapic_entry_fixed() - deliver a line to a vector of one core. */
static inline uint64_t ioapic_entry_fixed(bool level, bool active_low, unsigned vector,
                                          uint32_t apic_id)
{
    return IOAPIC_DELIVERY_FIXED | vector | (level ? IOAPIC_LEVEL : 0) |
           (active_low ? IOAPIC_ACTIVE_LOW : 0) | (uint64_t)apic_id << IOAPIC_DESTINATION_SHIFT;
}
