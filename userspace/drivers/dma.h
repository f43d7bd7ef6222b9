/* SPDX-License-Identifier: MIT */
/*
 * Memory that a device reads and writes by itself: one physically contiguous run, of which a driver takes pieces.
 *
 * A device goes on writing when its driver has been killed, wherever it was told to. So that memory must outlive the driver until the
 * next one has stopped the device: it is init's, who gives it to each that is started in the driver's place (services/manifest.toml).
 */
#pragma once

#include <stdint.h>

#include "gen/errors.h"

struct dma {
    uint8_t *memory;
    uint64_t physical;
    uint64_t bytes;
    uint64_t taken;
};

/* A piece of it. */
struct dma_piece {
    void *memory;
    uint64_t physical;
};

/*
 * dma_open() - the memory of this service and of all before it. It holds whatever was in it: the device may still use it.
 * ERR_NO_MEMORY: the manifest says fewer than @bytes, a multiple of the page size; what the system calls give.
 */
status_t dma_open(struct dma *dma, uint64_t bytes);

/*
 * dma_take() - the next piece, zeroed: so the device must have been stopped. @align  a power of two
 * A piece that does not fit is a mistake of the program, which ends.
 */
struct dma_piece dma_take(struct dma *dma, uint64_t bytes, uint64_t align);

/* dma_drop() - all pieces are free again. */
void dma_drop(struct dma *dma);
