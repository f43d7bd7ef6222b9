/* SPDX-License-Identifier: MIT */
/* MSI and MSI-X of a PCI function. */
#include "userspace/drivers/pci/msi.h"

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/start.h"

#define CAPABILITY_MSI  0x05u
#define CAPABILITY_MSIX 0x11u

/* Message control is the upper half of the capability's first register. */
#define MSI_ENABLE       (1u << 16)
#define MSI_COUNT_MASK   (7u << 20) /* messages enabled, as a power of two: we want one */
#define MSI_64           (1u << 23)
#define MSI_ADDRESS      4u
#define MSI_DATA_32      8u
#define MSI_ADDRESS_HIGH 8u
#define MSI_DATA_64      12u

#define MSIX_ENABLE   (1u << 31)
#define MSIX_MASK_ALL (1u << 30)
#define MSIX_TABLE    4u
#define MSIX_BIR_MASK 7u

/* The first entry of the table that MSI-X keeps in memory of the function. */
struct msix_entry {
    uint32_t address, address_high, data, control;
};

static void set_msi(struct pci *pci, pci_function_t function, unsigned at, uint64_t address,
                    uint64_t data)
{
    uint32_t control = pci_read(pci, function, at);

    pci_write(pci, function, at + MSI_ADDRESS, (uint32_t)address);
    if (control & MSI_64) {
        pci_write(pci, function, at + MSI_ADDRESS_HIGH, (uint32_t)(address >> 32));
    }
    pci_write(pci, function, at + (control & MSI_64 ? MSI_DATA_64 : MSI_DATA_32), (uint32_t)data);
    pci_write(pci, function, at, (control & ~MSI_COUNT_MASK) | MSI_ENABLE);
}

/* The table is only mapped for as long as it is written. */
static status_t set_msix(struct pci *pci, uint64_t system, pci_function_t function, unsigned at,
                         uint64_t address, uint64_t data)
{
    uint32_t place = pci_read(pci, function, at + MSIX_TABLE);
    uint64_t bar = pci_bar(pci, function, place & MSIX_BIR_MASK);
    uint64_t table = bar + (place & ~MSIX_BIR_MASK), area, page;

    if (bar == 0) {
        return ERR_NOT_SUPPORTED;
    }
    status_t status = sys_area_create_physical(system, table & ~(PAGE_BYTES - 1ull), PAGE_BYTES,
                                               AREA_UNCACHED, &area);
    if (status != OK) {
        return status;
    }
    status = sys_area_map(program.self, area, 0, PAGE_BYTES, 0, PROT_READ | PROT_WRITE, &page);
    (void)sys_handle_close(area);
    if (status != OK) {
        return status;
    }
    uint32_t control = pci_read(pci, function, at);
    pci_write(pci, function, at, control | MSIX_ENABLE | MSIX_MASK_ALL);
    volatile struct msix_entry *entry = (volatile struct msix_entry *)(page + table % PAGE_BYTES);
    entry->address = (uint32_t)address;
    entry->address_high = (uint32_t)(address >> 32);
    entry->data = (uint32_t)data;
    entry->control = 0; /* not masked */
    pci_write(pci, function, at, (control | MSIX_ENABLE) & ~MSIX_MASK_ALL);
    return sys_area_unmap(program.self, page, PAGE_BYTES);
}

status_t msi_enable(struct pci *pci, uint64_t system, pci_function_t function, uint32_t cpu,
                    uint64_t *out_interrupt)
{
    unsigned msix = pci_find_capability(pci, function, CAPABILITY_MSIX);
    unsigned msi = pci_find_capability(pci, function, CAPABILITY_MSI);
    uint64_t address, data;

    if (msix == 0 && msi == 0) {
        return ERR_NOT_SUPPORTED;
    }
    status_t status = sys_interrupt_create_message(system, cpu, out_interrupt, &address, &data);
    if (status != OK) {
        return status;
    }
    if (msix != 0) {
        status = set_msix(pci, system, function, msix, address, data);
    } else {
        set_msi(pci, function, msi, address, data);
    }
    if (status != OK) {
        (void)sys_handle_close(*out_interrupt);
    }
    return status;
}
