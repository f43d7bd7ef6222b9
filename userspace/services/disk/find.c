/* SPDX-License-Identifier: MIT */
/* A look at all disks: see find.h. */
#include "userspace/services/disk/find.h"

#include "userspace/drivers/ahci/ahci.h"
#include "userspace/drivers/pci/pci.h"
#include "userspace/drivers/virtio_blk/virtio_blk.h"

#define DISKS_MAX 32u /* of a kind */

#define VIRTIO_BLK 0x10011af4u /* device, vendor */
#define CLASS_AHCI 0x010601u

static status_t open_virtio(uint64_t system, unsigned index, struct dma *dma, struct disk **out)
{
    static struct virtio_blk blk;

    *out = &blk.disk;
    return virtio_blk_open(&blk, system, index, dma);
}

static void close_virtio(struct disk *disk)
{
    virtio_blk_close((struct virtio_blk *)disk);
}

static status_t open_ahci(uint64_t system, unsigned index, struct dma *dma, struct disk **out)
{
    static struct ahci ahci;

    *out = &ahci.disk;
    return ahci_open(&ahci, system, index, dma);
}

static void close_ahci(struct disk *disk)
{
    ahci_close((struct ahci *)disk);
}

static const struct {
    status_t (*open)(uint64_t system, unsigned index, struct dma *dma, struct disk **out);
    void (*close)(struct disk *disk);
} drivers[] = {
    {open_virtio, close_virtio},
    {open_ahci, close_ahci},
};

static bool may_have_been_driven(const struct pci_facts *facts)
{
    return ((uint32_t)facts->device << 16 | facts->vendor) == VIRTIO_BLK ||
           facts->class_code == CLASS_AHCI;
}

/* A predecessor that was killed may have left any of them writing to the memory that the first one tried is given. */
static status_t keep_all_from_memory(uint64_t system)
{
    struct pci pci;
    struct pci_walk walk = {0};
    struct pci_facts facts;
    pci_function_t function;
    status_t status = pci_open(&pci, system);

    if (status != OK) {
        return status;
    }
    while (pci_next(&pci, &walk, &function)) {
        pci_describe(&pci, function, &facts);
        if (may_have_been_driven(&facts)) {
            uint32_t command = pci_read(&pci, function, PCI_COMMAND) & 0xffff;

            pci_write(&pci, function, PCI_COMMAND, command & ~PCI_COMMAND_BUS_MASTER);
        }
    }
    pci_close(&pci);
    return OK;
}

status_t disk_find(const char *which, uint64_t system, struct dma *dma, struct disk **out)
{
    status_t trouble = ERR_NOT_FOUND, kept = keep_all_from_memory(system);

    if (kept != OK) {
        return kept;
    }

    for (unsigned i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        for (unsigned index = 0; index < DISKS_MAX; index++) {
            struct disk *disk;

            dma_drop(dma);
            status_t status = drivers[i].open(system, index, dma, &disk);
            if (status == ERR_NOT_FOUND) {
                break;
            }
            if (status != OK) {
                trouble = status;
                continue;
            }
            if (disk_is_wanted(disk, which)) {
                *out = disk;
                return OK;
            }
            drivers[i].close(disk);
        }
    }
    return trouble;
}
