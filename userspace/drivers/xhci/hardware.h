/* SPDX-License-Identifier: MIT */
/*
 * All that the driver has of the machine: registers, memory that the controller reaches, its interrupt, time. On the host a model of
 * the controller takes its place (tests/host/xhci_model.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/drivers/dma.h"
#include "userspace/drivers/mmio.h"

struct hardware {
    uint64_t system;
    struct mmio registers;
    uint64_t interrupt; /* HANDLE_NONE: it has no message, so it is looked at every few ms */
};

/*
 * hardware_open() - find the first controller, map its registers, take its interrupt. @system  see pci/remote.c
 * ERR_NOT_FOUND: there is none; what the system calls give.
 */
status_t hardware_open(struct hardware *hardware, uint64_t system);

/* hardware_read() / hardware_write() - 32 bits, offset from the beginning of the registers. */
uint32_t hardware_read(const struct hardware *hardware, uint32_t offset);
void hardware_write(const struct hardware *hardware, uint32_t offset, uint32_t value);

/* hardware_memory() - zeroed, page aligned; once, when the controller has been reset: it may be what a driver before us had. */
status_t hardware_memory(uint64_t bytes, struct dma_piece *out);

/* hardware_wait() - until the controller interrupts, or the deadline; what it has done is looked at afterwards. */
void hardware_wait(const struct hardware *hardware, uint64_t deadline);

/* hardware_now() - monotonic ns. hardware_sleep() - for as long. */
uint64_t hardware_now(void);
void hardware_sleep(uint64_t ns);
