/* SPDX-License-Identifier: MIT */
/* Which disk of the machine the service has, and which driver that needs. */
#pragma once

#include "userspace/drivers/disk/disk.h"
#include "userspace/drivers/dma.h"

/*
 * disk_find() - try all disks that drivers find, until one is wanted (disk_is_wanted()). What is not, is closed again.
 * None of them touches memory before it is set up: one service has all disks of the machine.
 * OK; ERR_NOT_FOUND: none is; or why the last one that there is could not be set up.
 */
status_t disk_find(const char *which, uint64_t system, struct dma *dma, struct disk **out);
