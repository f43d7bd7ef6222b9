/* SPDX-License-Identifier: MIT */
/* Interrupts for user-space drivers. */
#include "gen/syscall_handlers.h"
#include "irq/interrupt.h"
#include "syscall/syscall.h"

static struct interrupt *interrupt_of(struct object *object)
{
    return CONTAINER_OF(object, struct interrupt, object);
}

status_t sys_interrupt_create(struct object *system, uint32_t line, uint32_t flags, uint32_t cpu,
                              uint64_t *out_interrupt)
{
    (void)system; /* only the right counts */
    struct interrupt *interrupt;
    status_t status = interrupt_create(line, flags, cpu, &interrupt);
    return status != OK ? status : hand_out(&interrupt->object, RIGHTS_ALL, out_interrupt);
}

status_t sys_interrupt_create_message(struct object *system, uint32_t cpu, uint64_t *out_interrupt,
                                      uint64_t *out_address, uint64_t *out_data)
{
    (void)system;
    struct interrupt *interrupt;
    status_t status = interrupt_create_message(cpu, &interrupt, out_address, out_data);
    return status != OK ? status : hand_out(&interrupt->object, RIGHTS_ALL, out_interrupt);
}

status_t sys_interrupt_steer(struct object *interrupt, uint32_t cpu, uint64_t *out_address,
                             uint64_t *out_data)
{
    return interrupt_steer(interrupt_of(interrupt), cpu, out_address, out_data);
}

status_t sys_interrupt_wait(struct object *interrupt, ns_t deadline, uint64_t *out_count,
                            uint64_t *out_cpu)
{
    return interrupt_wait(interrupt_of(interrupt), deadline, out_count, out_cpu);
}

status_t sys_interrupt_bind(struct object *interrupt, struct object *event, uint64_t signals)
{
    if (signals == 0) {
        return ERR_BAD_ARGUMENT;
    }
    interrupt_bind(interrupt_of(interrupt), CONTAINER_OF(event, struct event, object), signals);
    return OK;
}

status_t sys_interrupt_acknowledge(struct object *interrupt)
{
    return interrupt_acknowledge(interrupt_of(interrupt));
}
