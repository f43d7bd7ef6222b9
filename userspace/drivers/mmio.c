/* SPDX-License-Identifier: MIT */
/* Device registers that are mapped: see mmio.h. */
#include "userspace/drivers/mmio.h"

#include "gen/syscall_user.h"
#include "userspace/lib/start.h"

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
