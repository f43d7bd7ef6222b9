/* SPDX-License-Identifier: MIT */
/* A look at all disks: see find.h. */
#include "userspace/services/disk/find.h"

#include "userspace/drivers/ahci/ahci.h"
#include "userspace/drivers/virtio_blk/virtio_blk.h"

#define DISKS_MAX 32u /* of a kind */

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

/* A predecessor that was killed may have left any of them at work in the memory that the first one tried is given. */
static status_t stop_all(uint64_t system)
{
    status_t status = OK;

    for (unsigned index = 0; index < DISKS_MAX && status != ERR_NOT_FOUND; index++) {
        status = virtio_blk_stop(system, index);
        if (status == ERR_BUSY) {
            return status; /* it would be so for each of them */
        }
    }
    return ahci_stop_all(system);
}

status_t disk_find(const char *which, uint64_t system, struct dma *dma, struct disk **out)
{
    status_t trouble = ERR_NOT_FOUND, stopped = stop_all(system);

    if (stopped != OK) {
        return stopped;
    }

    for (unsigned i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        for (unsigned index = 0; index < DISKS_MAX; index++) {
            struct disk *disk;

            dma_drop(dma);
            status_t status = drivers[i].open(system, index, dma, &disk);
            if (status == ERR_NOT_FOUND) {
                break;
            }
            if (status == ERR_BUSY) {
                return status;
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
