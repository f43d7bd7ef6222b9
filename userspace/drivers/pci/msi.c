/* SPDX-License-Identifier: MIT */
/* MSI and MSI-X of a PCI function. */
#include "userspace/drivers/pci/msi.h"

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/start.h"

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
#define MSIX_LAST     (0x7ffu << 16) /* number of the last message */
#define MSIX_LAST_BIT 16

#define MSIX_MASKED 1u

/* An entry of the table that MSI-X keeps in memory of the function. */
struct msix_entry {
    uint32_t address, address_high, data, control;
};

static status_t set_msi(const struct msi *msi, unsigned at, uint32_t message, uint64_t address,
                        uint64_t data)
{
    struct pci *pci = msi->pci;
    uint32_t control = pci_read(pci, msi->function, at);

    if (message != 0) {
        return ERR_NOT_SUPPORTED;
    }
    pci_write(pci, msi->function, at + MSI_ADDRESS, (uint32_t)address);
    if (control & MSI_64) {
        pci_write(pci, msi->function, at + MSI_ADDRESS_HIGH, (uint32_t)(address >> 32));
    }
    pci_write(pci, msi->function, at + (control & MSI_64 ? MSI_DATA_64 : MSI_DATA_32),
              (uint32_t)data);
    pci_write(pci, msi->function, at, (control & ~MSI_COUNT_MASK) | MSI_ENABLE);
    return OK;
}

static uint32_t last_message(const struct msi *msi, unsigned at)
{
    return (pci_read(msi->pci, msi->function, at) & MSIX_LAST) >> MSIX_LAST_BIT;
}

bool msi_table(const struct msi *msi, uint64_t *out_address, uint64_t *out_bytes)
{
    unsigned at = pci_find_capability(msi->pci, msi->function, PCI_CAPABILITY_MSIX);
    uint32_t place = at != 0 ? pci_read(msi->pci, msi->function, at + MSIX_TABLE) : 0;
    uint64_t bar = at != 0 ? pci_bar(msi->pci, msi->function, place & MSIX_BIR_MASK) : 0;

    if (bar == 0) {
        return false;
    }
    *out_address = bar + (place & ~MSIX_BIR_MASK);
    *out_bytes = (last_message(msi, at) + 1) * sizeof(struct msix_entry);
    return true;
}

/* The page of the table with an entry is only mapped for as long as that is written. */
static status_t map_entry(const struct msi *msi, unsigned at, uint32_t message, uint64_t *out_page,
                          volatile struct msix_entry **out_entry)
{
    uint64_t table, bytes, area;

    if (!msi_table(msi, &table, &bytes) || message > last_message(msi, at)) {
        return ERR_NOT_SUPPORTED;
    }
    uint64_t entry = table + message * sizeof(struct msix_entry);
    uint64_t offset = entry % PAGE_BYTES;
    status_t status =
        sys_area_create_physical(msi->system, entry - offset, PAGE_BYTES, AREA_UNCACHED, &area);
    if (status != OK) {
        return status;
    }
    status = sys_area_map(program.self, area, 0, PAGE_BYTES, 0, PROT_READ | PROT_WRITE, out_page);
    (void)sys_handle_close(area);
    if (status == OK) {
        *out_entry = (volatile struct msix_entry *)(*out_page + offset);
    }
    return status;
}

/* What the function raises while its messages are masked as a whole, comes when they no longer are. */
static status_t set_msix(const struct msi *msi, unsigned at, uint32_t message, uint64_t address,
                         uint64_t data)
{
    volatile struct msix_entry *entry;
    uint64_t page;

    status_t status = map_entry(msi, at, message, &page, &entry);
    if (status != OK) {
        return status;
    }
    uint32_t control = pci_read(msi->pci, msi->function, at);
    pci_write(msi->pci, msi->function, at, control | MSIX_ENABLE | MSIX_MASK_ALL);
    entry->address = (uint32_t)address;
    entry->address_high = (uint32_t)(address >> 32);
    entry->data = (uint32_t)data;
    entry->control = 0; /* not masked */
    pci_write(msi->pci, msi->function, at, (control | MSIX_ENABLE) & ~MSIX_MASK_ALL);
    return sys_area_unmap(program.self, page, PAGE_BYTES);
}

/* ---- no messages ---- */

static void clear_entry(const struct msi *msi, unsigned at, uint32_t message)
{
    volatile struct msix_entry *entry;
    uint64_t page;

    if (map_entry(msi, at, message, &page, &entry) == OK) {
        entry->control = MSIX_MASKED;
        entry->address = entry->address_high = entry->data = 0;
        (void)sys_area_unmap(program.self, page, PAGE_BYTES);
    }
}

void msi_silence(const struct msi *msi)
{
    unsigned msix = pci_find_capability(msi->pci, msi->function, PCI_CAPABILITY_MSIX);
    unsigned plain = pci_find_capability(msi->pci, msi->function, PCI_CAPABILITY_MSI);

    if (plain != 0) {
        uint32_t control = pci_read(msi->pci, msi->function, plain);
        pci_write(msi->pci, msi->function, plain, control & ~MSI_ENABLE);
    }
    if (msix != 0) {
        uint32_t control = pci_read(msi->pci, msi->function, msix), last = last_message(msi, msix);

        pci_write(msi->pci, msi->function, msix, control | MSIX_ENABLE | MSIX_MASK_ALL);
        for (uint32_t i = 0; i <= last; i++) {
            clear_entry(msi, msix, i);
        }
        pci_write(msi->pci, msi->function, msix, control & ~(MSIX_ENABLE | MSIX_MASK_ALL));
    }
}

static status_t set_message(const struct msi *msi, uint32_t message, uint64_t address,
                            uint64_t data)
{
    unsigned msix = pci_find_capability(msi->pci, msi->function, PCI_CAPABILITY_MSIX);
    unsigned plain = pci_find_capability(msi->pci, msi->function, PCI_CAPABILITY_MSI);

    if (msix != 0) {
        return set_msix(msi, msix, message, address, data);
    }
    return plain != 0 ? set_msi(msi, plain, message, address, data) : ERR_NOT_SUPPORTED;
}

status_t msi_enable(const struct msi *msi, uint32_t message, uint32_t cpu, uint64_t *out_interrupt)
{
    uint64_t address, data;

    status_t status =
        sys_interrupt_create_message(msi->system, cpu, out_interrupt, &address, &data);
    if (status != OK) {
        return status;
    }
    status = set_message(msi, message, address, data);
    if (status != OK) {
        (void)sys_handle_close(*out_interrupt);
    }
    return status;
}

status_t msi_steer(const struct msi *msi, uint32_t message, uint64_t interrupt, uint32_t cpu)
{
    uint64_t address, data;

    status_t status = sys_interrupt_steer(interrupt, cpu, &address, &data);
    return status == OK ? set_message(msi, message, address, data) : status;
}
