/* SPDX-License-Identifier: MIT */
/* Pieces of the memory that a device uses. */
#include "userspace/drivers/dma.h"

#include <string.h>

#include "userspace/lib/check.h"

struct dma_piece dma_take(struct dma *dma, uint64_t bytes, uint64_t align)
{
    uint64_t at = (dma->taken + align - 1) & ~(align - 1);

    VERIFY(at <= dma->bytes && bytes <= dma->bytes - at);
    dma->taken = at + bytes;
    memset(dma->memory + at, 0, bytes);
    return (struct dma_piece){dma->memory + at, dma->physical + at};
}

void dma_drop(struct dma *dma)
{
    dma->taken = 0;
}
