/* SPDX-License-Identifier: MIT */
/* What the kernel reads from the ACPI tables (ACPI 6.4, "ACPI Software Programming Model"). */
#pragma once

#include "base/types.h"
#include "gen/layout.h"

/* Address spaces of a generic address structure (ACPI 6.4, "Generic Address Structure"). */
#define ACPI_SPACE_MEMORY 0u
#define ACPI_SPACE_IO     1u

struct acpi_info {
    uint32_t cpu_count; /* enabled, at most CPU_MAX; entry 0 is the boot core */
    uint32_t apic_id[CPU_MAX];
    uint64_t local_apic; /* physical */
    uint32_t ioapic_count;
    struct {
        uint64_t address;
        uint32_t gsi_base;
    } ioapic[8];
    struct {
        uint32_t gsi;
        uint16_t flags;
    } isa_line[16]; /* source overrides applied */
    uint64_t hpet;  /* physical, 0: none */
    struct {
        uint64_t address; /* of bus 0, physical; 0: none */
        uint8_t first_bus, last_bus;
    } pci_config; /* configuration space in memory of PCI segment 0 */
    uint32_t pm_timer_port;
    uint32_t pm1a_control, pm1b_control;
    uint32_t smi_command; /* port; acpi_enable written to it switches to ACPI mode; 0: none */
    uint8_t acpi_enable;
    uint16_t s5_type_a, s5_type_b;
    bool has_s5;
    bool has_reset;
    uint8_t reset_space, reset_value; /* ACPI_SPACE_* */
    uint64_t reset_address;
};
extern struct acpi_info acpi_info;

/*
 * acpi_init() - fill acpi_info. Tables with a bad checksum or length are named in the log and
 * skipped.
 */
void acpi_init(paddr_t rsdp);
