/* SPDX-License-Identifier: MIT */
/* PCI functions for who has the kernel's `system`: configuration space in memory or by ports, everything allowed. */
#include <stddef.h>

#include "gen/syscall_user.h"
#include "userspace/drivers/pci/pci.h"
#include "userspace/drivers/pci/window.h"
#include "userspace/lib/clock.h"

#define CONFIG_ADDRESS 0xcf8u
#define CONFIG_PORTS   8u
#define DATA_OFFSET    4u
#define ADDRESS_ENABLE 0x80000000u

#define TURN     (NS_PER_MS) /* others have the ports for a few of these */
#define PATIENCE (5 * NS_PER_S)

status_t pci_open(struct pci *pci, uint64_t system)
{
    return pci_open_within(pci, system, PATIENCE);
}

status_t pci_open_within(struct pci *pci, uint64_t system, uint64_t ns)
{
    *pci = (struct pci){.system = system};
    status_t status = sys_ports_create(system, CONFIG_ADDRESS, CONFIG_PORTS, &pci->ports);

    for (unsigned turn = 0; status == ERR_BUSY && turn < ns / TURN; turn++) {
        clock_sleep(TURN);
        status = sys_ports_create(system, CONFIG_ADDRESS, CONFIG_PORTS, &pci->ports);
    }
    if (status == OK) {
        pci_window_open(pci);
    }
    return status;
}

void pci_close(struct pci *pci)
{
    pci_window_close(pci);
    (void)sys_handle_close(pci->ports);
}

static void select_register(struct pci *pci, pci_function_t function, unsigned reg)
{
    (void)sys_ports_write(pci->ports, 0, 4,
                          ADDRESS_ENABLE | (uint32_t)function << 8 | (reg & 0xfc));
}

uint32_t pci_read(struct pci *pci, pci_function_t function, unsigned reg)
{
    volatile uint32_t *in_memory = pci_window_at(pci, function, reg);
    uint64_t value = UINT32_MAX;

    if (in_memory != NULL) {
        return *in_memory;
    }
    if (reg >= PCI_EXTENDED) {
        return UINT32_MAX;
    }
    select_register(pci, function, reg);
    (void)sys_ports_read(pci->ports, DATA_OFFSET, 4, &value);
    return (uint32_t)value;
}

void pci_write(struct pci *pci, pci_function_t function, unsigned reg, uint32_t value)
{
    volatile uint32_t *in_memory = pci_window_at(pci, function, reg);

    if (in_memory != NULL) {
        *in_memory = value;
        return;
    }
    if (reg >= PCI_EXTENDED) {
        return;
    }
    select_register(pci, function, reg);
    (void)sys_ports_write(pci->ports, DATA_OFFSET, 4, value);
}

status_t pci_claim(struct pci *pci, pci_function_t function)
{
    (void)pci;
    (void)function;
    return OK;
}

status_t pci_ports(struct pci *pci, uint32_t first, uint32_t count, uint64_t *out_ports)
{
    return sys_ports_create(pci->system, first, count, out_ports);
}
