/* SPDX-License-Identifier: MIT */
/* Registers of a device in memory. Host tests have a mmio.c of their own, which is the device. */
#pragma once

#include <stdint.h>

#include "gen/errors.h"

struct mmio {
    uint64_t address; /* of the first register, mapped here */
    uint64_t page, bytes;
};

/* mmio_open() - map registers. @system  with right physical, or see pci/remote.c. What the system calls give. */
status_t mmio_open(struct mmio *mmio, uint64_t system, uint64_t physical, uint64_t bytes);

/* mmio_map() - map an area of mmio->bytes with registers at this offset, and close its handle: how mmio_open() ends. */
status_t mmio_map(struct mmio *mmio, uint64_t area, uint64_t offset);

/* mmio_open_most() - the same, but for what lies behind a part that is not to be had: mmio->bytes are mapped, from mmio->page on. */
status_t mmio_open_most(struct mmio *mmio, uint64_t system, uint64_t physical, uint64_t bytes);

void mmio_close(struct mmio *mmio);

/* mmio_read() / mmio_write() - 32 bits at a multiple of 4. All accesses stay in program order. */
uint32_t mmio_read(const struct mmio *mmio, uint32_t offset);
void mmio_write(const struct mmio *mmio, uint32_t offset, uint32_t value);
