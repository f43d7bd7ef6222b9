/* SPDX-License-Identifier: MIT */
/* Device registers for who has the kernel's `system`: wherever they are. */
#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/drivers/mmio.h"
#include "userspace/lib/start.h"

status_t mmio_open(struct mmio *mmio, uint64_t system, uint64_t physical, uint64_t bytes)
{
    uint64_t offset = physical % PAGE_BYTES, area;

    mmio->bytes = (offset + bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    status_t status =
        sys_area_create_physical(system, physical - offset, mmio->bytes, AREA_UNCACHED, &area);
    return status == OK ? mmio_map(mmio, area, offset) : status;
}

status_t mmio_open_most(struct mmio *mmio, uint64_t system, uint64_t physical, uint64_t bytes)
{
    return mmio_open(mmio, system, physical, bytes);
}
