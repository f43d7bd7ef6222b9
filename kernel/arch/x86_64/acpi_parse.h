/* SPDX-License-Identifier: MIT */
/*
 * The parser of the ACPI tables: pure but for the log, so that host tests can feed it synthetic
 * tables.
 */
#pragma once

#include "arch/acpi.h"

/*
 * acpi_map_fn - the bytes at a physical address, or NULL if not all of them can be read.
 */
typedef const void *acpi_map_fn(paddr_t pa, uint64_t bytes);

/*
 * acpi_parse() - fill *info from the tables that the root pointer leads to.
 *
 * @boot_apic_id  the core that becomes entry 0 of apic_id
 * What is missing keeps its default: one core, local APIC at 0xfee00000, ISA lines 1:1. Never reads
 * past a table's length.
 */
void acpi_parse(struct acpi_info *info, paddr_t rsdp, uint32_t boot_apic_id, acpi_map_fn *map);
