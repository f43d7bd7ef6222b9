/* SPDX-License-Identifier: MIT */
/* Device registers that are mapped: see mmio.h. */
#include "userspace/drivers/mmio.h"

#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/start.h"

status_t mmio_map(struct mmio *mmio, uint64_t area, uint64_t offset)
{
    status_t status =
        sys_area_map(program.self, area, 0, mmio->bytes, 0, PROT_READ | PROT_WRITE, &mmio->page);

    (void)sys_handle_close(area); /* the mapping keeps it */
    mmio->address = mmio->page + offset;
    return status;
}

void mmio_close(struct mmio *mmio)
{
    (void)sys_area_unmap(program.self, mmio->page, mmio->bytes);
}

uint32_t mmio_read(const struct mmio *mmio, uint32_t offset)
{
    return *(const volatile uint32_t *)(mmio->address + offset);
}

void mmio_write(const struct mmio *mmio, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)(mmio->address + offset) = value;
}
