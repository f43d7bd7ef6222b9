/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/xhci/port.h"

/* Power, indicator, and what wakes the machine: kept by writing what was read. All else is read only, or does something when 1 is written. */
#define KEPT (PORT_POWER | (3u << 14) | (7u << 25))

uint32_t port_keep(uint32_t read)
{
    return read & KEPT;
}

uint32_t port_clear(uint32_t read)
{
    return port_keep(read) | (read & PORT_CHANGES);
}

uint32_t port_start_reset(uint32_t read)
{
    return port_keep(read) | PORT_RESET;
}

uint32_t port_disable(uint32_t read)
{
    return port_keep(read) | PORT_ENABLED;
}

uint32_t port_power(uint32_t read)
{
    return port_keep(read) | PORT_POWER;
}

const char *port_speed_name(unsigned speed)
{
    static const char *const names[] = {"unknown", "full", "low", "high", "super"};

    return speed < sizeof(names) / sizeof(names[0]) ? names[speed] : "super";
}
