/* SPDX-License-Identifier: MIT */
/* Configuration space in memory: see window.h. */
#include "userspace/drivers/pci/window.h"

#include <stddef.h>

#include "gen/syscall_user.h"
#include "kernel/abi/facts.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/start.h"

#define BUS_BYTES      0x100000ull
#define FUNCTION_BYTES 0x1000ull

void pci_window_open(struct pci *pci)
{
    struct platform_facts facts = {0};

    if (sys_platform_facts(pci->system, &facts) == OK) {
        pci->memory = facts.pci_config;
        pci->first_bus = facts.pci_first_bus;
        pci->last_bus = facts.pci_last_bus;
    }
}

void pci_window_close(struct pci *pci)
{
    if (pci->window != 0) {
        (void)sys_area_unmap(program.self, pci->window, BUS_BYTES);
        pci->window = 0;
    }
}

static status_t map_bus(struct pci *pci, uint32_t bus)
{
    uint64_t area;
    status_t status = sys_area_create_physical(pci->system, pci->memory + bus * BUS_BYTES,
                                               BUS_BYTES, AREA_UNCACHED, &area);

    if (status != OK) {
        return status;
    }
    status =
        sys_area_map(program.self, area, 0, BUS_BYTES, 0, PROT_READ | PROT_WRITE, &pci->window);
    (void)sys_handle_close(area); /* the mapping keeps it */
    if (status != OK) {
        pci->window = 0;
    }
    pci->window_bus = bus;
    return status;
}

volatile uint32_t *pci_window_at(struct pci *pci, pci_function_t function, unsigned reg)
{
    uint32_t bus = function >> 8;

    if (pci->memory == 0 || bus < pci->first_bus || bus > pci->last_bus || reg >= FUNCTION_BYTES) {
        return NULL;
    }
    if (pci->window == 0 || pci->window_bus != bus) {
        pci_window_close(pci);
        if (map_bus(pci, bus) != OK) {
            return NULL;
        }
    }
    return (volatile uint32_t *)(pci->window + (function & 0xffu) * FUNCTION_BYTES + (reg & ~3u));
}
