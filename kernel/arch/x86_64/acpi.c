/* SPDX-License-Identifier: MIT */
/* The ACPI tables of this machine, reached through the direct map. */
#include "arch/acpi.h"

#include "abi/handoff.h"
#include "arch/mmu.h"
#include "arch/x86_64/acpi_parse.h"
#include "arch/x86_64/cpu_impl.h"
#include "arch/x86_64/start_impl.h"
#include "base/log.h"

struct acpi_info acpi_info;

static const void *map_physical(paddr_t pa, uint64_t bytes)
{
    uint64_t limit = boot_handoff->direct_map_bytes;
    return pa < limit && bytes <= limit - pa ? phys_to_virt(pa) : NULL;
}

void acpi_init(paddr_t rsdp)
{
    acpi_parse(&acpi_info, rsdp, cpu_initial_apic_id(), map_physical);
    log_info("acpi: %u cores, %u I/O APICs, local APIC 0x%lx, HPET 0x%lx, PM timer 0x%x%s%s",
             acpi_info.cpu_count, acpi_info.ioapic_count, acpi_info.local_apic, acpi_info.hpet,
             acpi_info.pm_timer_port, acpi_info.has_s5 ? ", can power off" : "",
             acpi_info.has_reset ? ", can reset" : "");
}
