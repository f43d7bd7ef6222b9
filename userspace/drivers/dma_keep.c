/* SPDX-License-Identifier: MIT */
/* How memory for devices outlives their driver: see dma.h. */
#include "userspace/drivers/dma.h"

#include "gen/interface/supervisor_client.h"
#include "gen/layout.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/start.h"

static status_t make_area(uint64_t bytes, uint64_t *out_area)
{
    uint64_t kept;
    status_t status = sys_area_create(bytes, AREA_CONTIGUOUS | AREA_BELOW_4G, out_area);

    if (status != OK) {
        return status;
    }
    status = sys_handle_duplicate(*out_area,
                                  RIGHT_AREA_READ | RIGHT_AREA_WRITE | RIGHT_AREA_PHYSICAL |
                                      RIGHT_DUPLICATE | RIGHT_TRANSFER,
                                  0, &kept);
    if (status == OK) { /* before any device has heard of it */
        status = supervisor_keep(program_handle("supervisor"), kept, DEADLINE_FOREVER);
    }
    if (status != OK) {
        (void)sys_handle_close(*out_area);
    }
    return status;
}

status_t dma_open(struct dma *dma, uint64_t bytes)
{
    uint64_t area, size, address;
    status_t status = supervisor_kept(program_handle("supervisor"), DEADLINE_FOREVER, &area);

    if (status == ERR_NOT_FOUND) {
        status = make_area(bytes, &area);
    }
    if (status != OK) {
        return status;
    }
    status = sys_area_query(area, &size, &dma->physical);
    if (status == OK) {
        VERIFY(size == bytes);
        status = sys_area_map(program.self, area, 0, bytes, 0, PROT_READ | PROT_WRITE, &address);
    }
    (void)sys_handle_close(area);
    if (status == OK) {
        dma->memory = (uint8_t *)address;
        dma->bytes = bytes;
        dma->taken = 0;
    }
    return status;
}
