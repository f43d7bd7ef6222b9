/* SPDX-License-Identifier: MIT */
/* Where memory for devices comes from: see dma.h. */
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/drivers/dma.h"
#include "userspace/lib/start.h"

status_t dma_open(struct dma *dma, uint64_t bytes)
{
    uint64_t area = program_handle("dma"), size, address;
    status_t status = sys_area_query(area, &size, &dma->physical);

    if (status == OK && size < bytes) {
        status = ERR_NO_MEMORY;
    }
    if (status == OK) {
        status = sys_area_map(program.self, area, 0, bytes, 0, PROT_READ | PROT_WRITE, &address);
    }
    if (status == OK) {
        dma->memory = (uint8_t *)address;
        dma->bytes = bytes;
        dma->taken = 0;
    }
    return status;
}
