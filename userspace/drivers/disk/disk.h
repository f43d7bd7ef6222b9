/* SPDX-License-Identifier: MIT */
/*
 * What a disk driver is to the service in front of it: one command at a time, begun and looked after. Waiting, limits and recovery are
 * the same for all and are here.
 *
 *   Q1  A command that is not carried out whole is ERR_IO, and then the device is set up again: the next one finds it as if nothing
 *       had happened, or ERR_IO again.
 *   Q2  The device touches the caller's memory only between the beginning and the end of disk_carry_out(), whatever that gives.
 *   Q3  A device that is another disk after it was set up again, or between two commands, is ERR_CHANGED from then on and stopped: what
 *       was meant for one disk never reaches another. To use that one, it is opened anew.
 *
 * One at a time: a driver that knows of one command has nothing to sort out after a failure, and emulated disks are no faster with
 * several. Queues (AHCI's NCQ, several virtio chains) would change begin() and end() only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/errors.h"
#include "userspace/lib/block.h"

enum disk_operation { DISK_READ, DISK_WRITE, DISK_FLUSH, DISK_IDENTIFY };

struct disk_command {
    enum disk_operation operation;
    uint32_t count; /* sectors */
    uint64_t sector;
    uint64_t physical; /* where the data is or goes */
    uint64_t bytes;    /* of it */
};

struct disk;

struct disk_ops {
    /* begin() - give the device a command. OK or ERR_IO. */
    status_t (*begin)(struct disk *disk, const struct disk_command *command);
    /* end() - ERR_BUSY: it is at work; OK: all is done; ERR_IO: it is not, and will not be. Clears the interrupt. */
    status_t (*end)(struct disk *disk);
    /* recover() - stop the device, whatever it does, and set it up again. OK; ERR_IO: it stays as it is, stopped; ERR_CHANGED: so it
     * does because it is another disk. */
    status_t (*recover)(struct disk *disk);
};

/* The first member of each driver's struct. */
struct disk {
    const struct disk_ops *ops;
    struct block_names names;
    uint64_t sectors;
    uint32_t sector_bytes;
    bool is_read_only;
    bool has_flush;     /* else it has written what it has answered */
    uint64_t interrupt; /* HANDLE_NONE: to be polled */
    uint64_t resets;
    bool is_changed; /* Q3 */
    bool is_stopped; /* it could not be set up again */
};

/*
 * disk_carry_out() - have a command done, with no look at its sectors: also for what drivers ask for themselves.
 * OK, ERR_IO or ERR_CHANGED.
 */
status_t disk_carry_out(struct disk *disk, const struct disk_command *command);

/* disk_try() - the same for what recover() asks: without recovery, and with less patience. OK or ERR_IO. */
status_t disk_try(struct disk *disk, const struct disk_command *command);

/*
 * disk_transfer() - read or write sectors. OK; ERR_RANGE: they do not exist, all or some, or there are none;
 * ERR_READ_ONLY; ERR_IO; ERR_CHANGED.
 */
status_t disk_transfer(struct disk *disk, enum disk_operation operation, uint64_t sector,
                       uint32_t count, uint64_t physical);

/* disk_flush() - OK, ERR_IO or ERR_CHANGED. */
status_t disk_flush(struct disk *disk);

/* disk_is_same() - whether two look like one disk: names and size. */
bool disk_is_same(const struct disk *one, const struct disk *other);

/* disk_set_name() - copy what a device says of itself, without blanks around it, and with dots for what cannot be printed. */
void disk_set_name(char *out, const char *text, unsigned bytes);

/* disk_is_wanted() - is it the one: "any" but the one booted from or one that does not say who it is, a driver's name, or a serial number. */
bool disk_is_wanted(const struct disk *disk, const char *which);
