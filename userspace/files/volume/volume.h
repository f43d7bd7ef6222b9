/* SPDX-License-Identifier: MIT */
/*
 * Parts of a disk, as block devices: the entries of an MBR or a GPT. No system calls.
 *
 * Source: UEFI 2.10, "GUID Partition Table (GPT) Disk Layout"; "Legacy Master Boot Record (MBR)".
 */
#pragma once

#include "userspace/files/block_device.h"

struct volume {
    struct block_device device;
    struct block_device *disk;
    uint64_t first; /* sector of the disk */
};

/*
 * volume_open() - one part of a disk.
 * @index  0: the whole disk; n: the n-th partition that its table lists, in the table's order
 * OK; ERR_NOT_FOUND: there are not so many; ERR_CORRUPT: that entry leads out of the disk; what reading gives.
 */
status_t volume_open(struct volume *volume, struct block_device *disk, unsigned index);
