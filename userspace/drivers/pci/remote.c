/* SPDX-License-Identifier: MIT */
/*
 * PCI functions, their registers and interrupts for drivers without `system`: as the service `bus` gives them. In place of direct.c,
 * window.c, msi.c and mmio_direct.c; a handle `system` in calls is not looked at.
 *
 * That service may end and come again. It then knows of no claim, so whatever is done with a function begins with pci_claim().
 */
#include "gen/interface/bus_client.h"
#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/drivers/mmio.h"
#include "userspace/drivers/pci/msi.h"
#include "userspace/drivers/pci/pci.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"
#include "userspace/lib/start.h"

#define SERVICE  "bus"
#define PATIENCE (20 * NS_PER_S)

static uint64_t service; /* HANDLE_NONE: not found yet */

static uint64_t deadline(void)
{
    return clock_now() + PATIENCE;
}

/* The first time this process is the one that begins; later on it only needs to be the service that is there now. */
status_t pci_open(struct pci *pci, uint64_t system)
{
    status_t status = OK;

    *pci = (struct pci){.system = system};
    if (service == HANDLE_NONE) {
        status = service_find(SERVICE, deadline(), &service);
    }
    static bool has_begun;
    while (status == OK && !has_begun) {
        status = bus_begin(service, deadline());
        if (status == ERR_PEER_CLOSED) {
            status = service_find_again(SERVICE, deadline(), &service);
        } else {
            has_begun = status == OK;
        }
    }
    return status;
}

void pci_close(struct pci *pci)
{
    (void)pci;
}

/* True: another one is there. Each loses at most one call, so this ends. */
static bool is_back(status_t status)
{
    return status == ERR_PEER_CLOSED && service_find_again(SERVICE, deadline(), &service) == OK;
}

uint32_t pci_read(struct pci *pci, pci_function_t function, unsigned reg)
{
    uint32_t value;
    status_t status;

    (void)pci;
    do {
        status = bus_read(service, function, reg, deadline(), &value);
    } while (is_back(status));
    if (status != OK) {
        die("cannot read registers of PCI: %s", status_name(status)); /* not "there is nothing" */
    }
    return value;
}

void pci_write(struct pci *pci, pci_function_t function, unsigned reg, uint32_t value)
{
    status_t status;

    VERIFY(reg == PCI_COMMAND);
    do {
        status = pci_claim(pci, function);
        if (status == OK) {
            status = bus_command(service, function, value, deadline());
        }
    } while (is_back(status));
    if (status != OK) {
        die("cannot write registers of PCI: %s", status_name(status));
    }
}

status_t pci_claim(struct pci *pci, pci_function_t function)
{
    status_t status;

    (void)pci;
    do {
        status = bus_claim(service, function, deadline());
    } while (is_back(status));
    return status;
}

status_t pci_ports(struct pci *pci, uint32_t first, uint32_t count, uint64_t *out_ports)
{
    (void)pci;
    return bus_ports(service, first, count, deadline(), out_ports);
}

status_t msi_enable(const struct msi *msi, uint32_t message, uint32_t cpu, uint64_t *out_interrupt)
{
    return bus_interrupt(service, msi->function, message, cpu, deadline(), out_interrupt);
}

status_t mmio_open_most(struct mmio *mmio, uint64_t system, uint64_t physical, uint64_t bytes)
{
    uint64_t offset = physical % PAGE_BYTES, area;

    (void)system;
    mmio->bytes = (offset + bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    status_t status =
        bus_registers(service, physical - offset, mmio->bytes, deadline(), &mmio->bytes, &area);
    return status == OK ? mmio_map(mmio, area, offset) : status;
}

status_t mmio_open(struct mmio *mmio, uint64_t system, uint64_t physical, uint64_t bytes)
{
    status_t status = mmio_open_most(mmio, system, physical, bytes);

    if (status == OK && physical % PAGE_BYTES + bytes > mmio->bytes) {
        mmio_close(mmio);
        status = ERR_NO_RIGHTS;
    }
    return status;
}
