/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/xhci/hardware.h"

#include "gen/layout.h"
#include "userspace/drivers/pci/msi.h"
#include "userspace/drivers/xhci/registers.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"

#define REGISTER_BYTES 0x10000u /* what the specification has room for */
#define POLL                                                                                       \
    (4 *                                                                                           \
     NS_PER_MS) /* without an interrupt: half of what the quickest keyboard takes between reports */
#define CLASS_XHCI 0x0c0330u /* serial bus, USB, xHCI */

static status_t find_controller(struct pci *pci, pci_function_t *out)
{
    struct pci_walk walk = {0};
    struct pci_facts facts;

    while (pci_next(pci, &walk, out)) {
        pci_describe(pci, *out, &facts);
        if (facts.class_code == CLASS_XHCI) {
            return OK;
        }
    }
    return ERR_NOT_FOUND;
}

/* All that can be had: the table of messages may lie behind them. */
static status_t map_registers(struct hardware *hardware, uint64_t physical)
{
    return physical == 0
               ? ERR_NOT_SUPPORTED
               : mmio_open_most(&hardware->registers, hardware->system, physical, REGISTER_BYTES);
}

static status_t open_function(struct hardware *hardware, struct pci *pci, pci_function_t function)
{
    const struct msi msi = {pci, hardware->system, function};
    uint32_t command = pci_read(pci, function, PCI_COMMAND) & 0xffff;
    status_t status = pci_claim(pci, function);

    if (status == OK) {
        status = map_registers(hardware, pci_bar(pci, function, 0));
    }
    if (status != OK) {
        return status;
    }
    pci_write(pci, function, PCI_COMMAND,
              command | PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER | PCI_COMMAND_NO_INTX);
    if (msi_enable(&msi, 0, 0, &hardware->interrupt) != OK) {
        hardware->interrupt = HANDLE_NONE;
    }
    return OK;
}

status_t hardware_open(struct hardware *hardware, uint64_t system)
{
    struct pci pci;
    pci_function_t function;
    status_t status = pci_open(&pci, system);

    *hardware = (struct hardware){.system = system};
    if (status != OK) {
        return status;
    }
    status = find_controller(&pci, &function);
    if (status == OK) {
        status = open_function(hardware, &pci, function);
    }
    pci_close(&pci);
    return status;
}

static uint32_t check(const struct hardware *hardware, uint32_t offset)
{
    VERIFY(offset < hardware->registers.bytes && offset % sizeof(uint32_t) == 0);
    return offset;
}

uint32_t hardware_read(const struct hardware *hardware, uint32_t offset)
{
    return mmio_read(&hardware->registers, check(hardware, offset));
}

void hardware_write(const struct hardware *hardware, uint32_t offset, uint32_t value)
{
    mmio_write(&hardware->registers, check(hardware, offset), value);
}

status_t hardware_memory(uint64_t bytes, struct dma_piece *out)
{
    struct dma dma;
    status_t status = dma_open(&dma, bytes);

    if (status == OK) {
        *out = dma_take(&dma, bytes, PAGE_BYTES);
    }
    return status;
}

/* It comes again only when it has been acknowledged; what happens from then on makes it come. */
void hardware_wait(const struct hardware *hardware, uint64_t deadline)
{
    uint64_t count, cpu, soon = clock_now() + POLL;

    if (hardware->interrupt == HANDLE_NONE) {
        (void)sys_thread_sleep(deadline < soon ? deadline : soon);
    } else if (sys_interrupt_wait(hardware->interrupt, deadline, &count, &cpu) == OK) {
        must(sys_interrupt_acknowledge(hardware->interrupt));
    }
}

uint64_t hardware_now(void)
{
    return clock_now();
}

void hardware_sleep(uint64_t ns)
{
    clock_sleep(ns);
}
