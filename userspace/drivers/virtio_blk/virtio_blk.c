/* SPDX-License-Identifier: MIT */
/*
 * Virtio disk: one request at a time, a chain of three descriptors.
 *
 *     0: what is wanted, where  |  1: the data (not for a flush)  |  2: a byte for the outcome
 *
 * The device counts in sectors of 512 bytes, whatever its own are.
 *
 * Source: Virtual I/O Device (VIRTIO) 1.1, "Block Device"; "Legacy Interface: Device configuration layout".
 */
#include "userspace/drivers/virtio_blk/virtio_blk.h"

#include <stddef.h>
#include <string.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"

#define DEVICE       0x1001u
#define QUEUE        0u
#define SECTOR_BYTES 512u /* that it counts in */
#define ID_BYTES     20u
#define CHAIN_MAX    3u

#define CONFIG_CAPACITY   0x00u
#define CONFIG_BLOCK_SIZE 0x14u
#define CONFIG_BYTES      0x18u

#define FEATURE_READ_ONLY  (1u << 5)
#define FEATURE_BLOCK_SIZE (1u << 6)
#define FEATURE_FLUSH      (1u << 9)
#define FEATURES           (FEATURE_READ_ONLY | FEATURE_BLOCK_SIZE | FEATURE_FLUSH)

enum request_type { TYPE_READ = 0, TYPE_WRITE = 1, TYPE_FLUSH = 4, TYPE_ID = 8 };

#define OUTCOME_OK   0u
#define OUTCOME_NONE 0xffu /* ours: the device has not said anything */

struct virtio_blk_request {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
    uint8_t outcome;
    uint8_t unused[7];
    char id[ID_BYTES];
};

#define HEADER_BYTES offsetof(struct virtio_blk_request, outcome)

static struct virtio_blk *of_disk(struct disk *disk)
{
    return (struct virtio_blk *)disk;
}

/* ---- commands ---- */

static void add_descriptor(struct virtqueue *queue, unsigned index, uint64_t physical,
                           uint64_t bytes, uint16_t flags)
{
    queue->descriptors[index] =
        (struct virtqueue_descriptor){physical, (uint32_t)bytes, flags, (uint16_t)(index + 1)};
}

static uint32_t type_of(enum disk_operation operation)
{
    static const uint32_t types[] = {[DISK_READ] = TYPE_READ,
                                     [DISK_WRITE] = TYPE_WRITE,
                                     [DISK_FLUSH] = TYPE_FLUSH,
                                     [DISK_IDENTIFY] = TYPE_ID};

    return types[operation];
}

static status_t begin(struct disk *disk, const struct disk_command *command)
{
    struct virtio_blk *blk = of_disk(disk);
    struct virtqueue *queue = &blk->queue;
    unsigned count = 0;

    if (!blk->is_ready) {
        return ERR_IO;
    }
    blk->request->type = type_of(command->operation);
    blk->request->sector = command->sector * (disk->sector_bytes / SECTOR_BYTES);
    blk->request->outcome = OUTCOME_NONE;
    add_descriptor(queue, count++, blk->request_physical, HEADER_BYTES, VIRTQUEUE_NEXT);
    if (command->bytes > 0) {
        add_descriptor(queue, count++, command->physical, command->bytes,
                       command->operation == DISK_WRITE ? VIRTQUEUE_NEXT
                                                        : VIRTQUEUE_NEXT | VIRTQUEUE_WRITE);
    }
    add_descriptor(queue, count, blk->request_physical + HEADER_BYTES, 1, VIRTQUEUE_WRITE);
    virtqueue_offer(queue, 0);
    virtio_notify(&blk->virtio, QUEUE);
    return OK;
}

static status_t end(struct disk *disk)
{
    struct virtio_blk *blk = of_disk(disk);
    uint16_t head;
    uint32_t bytes;

    if (!virtqueue_take(&blk->queue, &head, &bytes)) {
        return virtio_is_broken(&blk->virtio) ? ERR_IO : ERR_BUSY;
    }
    return blk->request->outcome == OUTCOME_OK ? OK : ERR_IO;
}

/* ---- setting up ---- */

/* The first time, or again: in either case the device has been reset and knows of no memory. */
static status_t take_memory(struct virtio_blk *blk)
{
    unsigned size = virtio_queue_size(&blk->virtio, QUEUE);

    if (size < CHAIN_MAX || size > VIRTQUEUE_SIZE_MAX) {
        return ERR_IO;
    }
    if (blk->queue_memory.memory == NULL) {
        blk->queue_size = size;
        blk->queue_memory = dma_take(blk->dma, virtqueue_bytes(size), PAGE_BYTES);
        struct dma_piece piece = dma_take(blk->dma, sizeof(struct virtio_blk_request), 64);
        blk->request = piece.memory;
        blk->request_physical = piece.physical;
    }
    if (size != blk->queue_size) {
        return ERR_IO;
    }
    memset(blk->queue_memory.memory, 0, virtqueue_bytes(size));
    return OK;
}

static status_t set_up(struct virtio_blk *blk)
{
    blk->is_ready = false;
    status_t status = virtio_begin(&blk->virtio, FEATURES, &blk->features);
    if (status == OK) {
        status = take_memory(blk);
    }
    if (status == OK) {
        virtio_place_queue(&blk->virtio, QUEUE, &blk->queue, blk->queue_size,
                           blk->queue_memory.memory, blk->queue_memory.physical, true);
        virtio_start(&blk->virtio);
        blk->is_ready = true;
    }
    return status;
}

static status_t recover(struct disk *disk)
{
    return set_up(of_disk(disk));
}

static void read_facts(struct virtio_blk *blk)
{
    const struct virtio *virtio = &blk->virtio;
    struct disk *disk = &blk->disk;
    uint64_t capacity = virtio_config(virtio, CONFIG_CAPACITY) |
                        (uint64_t)virtio_config(virtio, CONFIG_CAPACITY + 4) << 32;

    disk->is_read_only = (blk->features & FEATURE_READ_ONLY) != 0;
    disk->has_flush = (blk->features & FEATURE_FLUSH) != 0;
    disk->sector_bytes = (blk->features & FEATURE_BLOCK_SIZE) != 0
                             ? virtio_config(virtio, CONFIG_BLOCK_SIZE)
                             : SECTOR_BYTES;
    if (disk->sector_bytes < SECTOR_BYTES || (disk->sector_bytes & (disk->sector_bytes - 1)) != 0) {
        disk->sector_bytes = SECTOR_BYTES;
    }
    disk->sectors = capacity / (disk->sector_bytes / SECTOR_BYTES);
}

/* Not every device says who it is. */
static void read_serial(struct virtio_blk *blk)
{
    const struct disk_command identify = {.operation = DISK_IDENTIFY,
                                          .physical = blk->request_physical +
                                                      offsetof(struct virtio_blk_request, id),
                                          .bytes = ID_BYTES};

    if (disk_carry_out(&blk->disk, &identify) == OK) {
        disk_set_name(blk->disk.names.serial, blk->request->id, ID_BYTES);
    }
}

status_t virtio_blk_open(struct virtio_blk *blk, uint64_t system, unsigned index, struct dma *dma)
{
    static const struct disk_ops ops = {begin, end, recover};

    *blk = (struct virtio_blk){.disk = {.ops = &ops, .sector_bytes = SECTOR_BYTES}, .dma = dma};
    status_t status = virtio_open(&blk->virtio, system, DEVICE, index, CONFIG_BYTES);
    if (status != OK) {
        return status;
    }
    blk->disk.interrupt = blk->virtio.interrupt;
    status = set_up(blk);
    if (status != OK) {
        virtio_close(&blk->virtio);
        return status;
    }
    disk_set_name(blk->disk.names.driver, "virtio", sizeof("virtio"));
    disk_set_name(blk->disk.names.model, "virtio disk", sizeof("virtio disk"));
    read_facts(blk);
    read_serial(blk);
    return OK;
}

status_t virtio_blk_stop(uint64_t system, unsigned index)
{
    struct virtio virtio;
    status_t status = virtio_open(&virtio, system, DEVICE, index, CONFIG_BYTES);

    if (status == OK) {
        virtio_close(&virtio);
    }
    return status;
}

void virtio_blk_close(struct virtio_blk *blk)
{
    blk->is_ready = false;
    virtio_close(&blk->virtio);
}
