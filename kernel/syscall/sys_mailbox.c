/* SPDX-License-Identifier: MIT */
/* Making mailboxes and events; the calls on them live in ipc/. */
#include "gen/syscall_handlers.h"
#include "ipc/event.h"
#include "ipc/mailbox.h"
#include "syscall/syscall.h"

status_t sys_mailbox_create(vaddr_t name, uint64_t name_bytes, uint64_t *out_mailbox)
{
    char text[NAME_BYTES];
    status_t status = copy_name(text, name, name_bytes);
    if (status != OK) {
        return status;
    }
    struct mailbox *mailbox;
    status = mailbox_create(text, current_process()->object.id, &mailbox);
    if (status != OK) {
        return status;
    }
    return hand_out(&mailbox->object, RIGHTS_ALL, out_mailbox);
}

status_t sys_event_create(vaddr_t name, uint64_t name_bytes, uint64_t *out_event)
{
    char text[NAME_BYTES];
    status_t status = copy_name(text, name, name_bytes);
    if (status != OK) {
        return status;
    }
    struct event *event;
    status = event_create(text, current_process()->object.id, &event);
    if (status != OK) {
        return status;
    }
    return hand_out(&event->object, RIGHTS_ALL, out_event);
}
