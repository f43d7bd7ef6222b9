/* SPDX-License-Identifier: MIT */
/* Machine-wide calls: kdebug, ports, power, clock, cores, physical memory. */
#include "arch/clock.h"
#include "arch/cpu.h"
#include "gen/syscall_handlers.h"
#include "irq/ports.h"
#include "kdebug/core/kdebug.h"
#include "syscall/syscall.h"

#define POWER_OFF   0u
#define POWER_RESET 1u

status_t sys_debug_enter(struct object *debug)
{
    (void)debug;
    kdebug_request(current_process()->name);
    return OK;
}

status_t sys_ports_create(struct object *system, uint32_t first, uint32_t count,
                          uint64_t *out_ports)
{
    (void)system;
    struct ports *ports;
    status_t status = ports_create(first, count, &ports);
    if (status != OK) {
        return status;
    }
    return hand_out(&ports->object, RIGHTS_ALL, out_ports);
}

static struct ports *ports_of(struct object *object)
{
    return CONTAINER_OF(object, struct ports, object);
}

status_t sys_ports_read(struct object *ports, uint32_t offset, uint32_t width, uint64_t *out_value)
{
    return ports_read(ports_of(ports), offset, width, out_value);
}

status_t sys_ports_write(struct object *ports, uint32_t offset, uint32_t width, uint32_t value)
{
    return ports_write(ports_of(ports), offset, width, value);
}

status_t sys_system_power(struct object *system, uint32_t action)
{
    (void)system;
    if (action == POWER_OFF) {
        power_off();
        return ERR_NOT_SUPPORTED;
    }
    if (action == POWER_RESET) {
        power_reset();
    }
    return ERR_BAD_ARGUMENT;
}

status_t sys_clock_get(uint64_t *out_now, uint64_t *out_tsc_khz)
{
    *out_now = clock_now();
    *out_tsc_khz = clock_tsc_khz();
    return OK;
}

status_t sys_cpu_info(uint64_t *out_cpu, uint64_t *out_count)
{
    *out_cpu = cpu_id();
    *out_count = cpu_count();
    return OK;
}
