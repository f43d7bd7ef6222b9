/* SPDX-License-Identifier: MIT */
/* sectors: a client of the service `disk` that checks itself. */
#pragma once

#include "userspace/files/block_client.h"

#define PART_BYTES 0x10000u /* moved at a time */

extern struct block_client disk;
extern char part[PART_BYTES];

/* fill() - what a sector holds that is written for the n-th time. */
void fill(void *to, uint64_t sector, uint64_t generation);

/* be_loaded() - write at random places, the driver being killed all the time; then compare, and print the checksum. */
void be_loaded(uint64_t rounds, uint64_t kills);
