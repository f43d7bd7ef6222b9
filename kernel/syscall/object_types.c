/* SPDX-License-Identifier: MIT */
/* What happens to an object of each type when its last reference or a handle goes. */
#include "base/assert.h"
#include "base/hooks.h"
#include "ipc/event.h"
#include "ipc/mailbox.h"
#include "irq/interrupt.h"
#include "irq/ports.h"
#include "sched/process.h"
#include "syscall/syscall.h"
#include "vm/area.h"
#include "vm/pager.h"

struct object trace_object, debug_object, system_object;

void syscall_init(void)
{
    object_init(&trace_object, OBJECT_TRACE);
    object_init(&debug_object, OBJECT_DEBUG);
    object_init(&system_object, OBJECT_SYSTEM);
}

void hook_object_destroy(struct object *object)
{
    switch (object->type) {
    case OBJECT_PROCESS:
        process_destroy(object);
        break;
    case OBJECT_THREAD:
        thread_destroy(object);
        break;
    case OBJECT_AREA:
        area_destroy(object);
        break;
    case OBJECT_MAILBOX:
        mailbox_destroy(object);
        break;
    case OBJECT_EVENT:
        event_destroy(object);
        break;
    case OBJECT_PORTS:
        ports_destroy(object);
        break;
    case OBJECT_INTERRUPT:
        interrupt_destroy(object);
        break;
    case OBJECT_PAGER:
        pager_destroy(object);
        break;
    case OBJECT_LEASE:
        lease_destroy(object);
        break;
    default:
        panic("the %s object lost its last reference", object_type_name(object->type));
    }
}

void hook_handle_change(struct object *object, uint32_t rights, int change)
{
    if (object->type == OBJECT_EVENT) {
        (change > 0 ? event_handle_opened : event_handle_closed)(object);
    } else if (change > 0) {
        mailbox_handle_opened(object, rights);
    } else {
        mailbox_handle_closed(object, rights);
    }
}

char *object_name(struct object *object)
{
    switch (object->type) {
    case OBJECT_PROCESS:
        return CONTAINER_OF(object, struct process, object)->name;
    case OBJECT_THREAD:
        return CONTAINER_OF(object, struct thread, object)->name;
    case OBJECT_MAILBOX:
        return CONTAINER_OF(object, struct mailbox, object)->name;
    case OBJECT_INTERRUPT:
        return CONTAINER_OF(object, struct interrupt, object)->name;
    case OBJECT_EVENT:
        return CONTAINER_OF(object, struct event, object)->name;
    default:
        return NULL;
    }
}

uint32_t object_trace_id(struct object *object)
{
    return object->type == OBJECT_THREAD ? CONTAINER_OF(object, struct thread, object)->tid
                                         : object->id;
}
