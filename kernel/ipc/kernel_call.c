/* SPDX-License-Identifier: MIT */
/*
 * Calls that the kernel makes for a thread: an ordinary call, with all that follows: priority lent, direct hand-over, trace,
 * cancellation when the thread is killed, ERR_PEER_CLOSED when nobody can answer. Only the words are not its registers: for the
 * call a second frame on the kernel stack takes the place of the one that the trap has saved.
 */
#include "ipc/kernel_call.h"

#include "base/hooks.h"
#include "gen/syscall_handlers.h"
#include "kernel/abi/pager.h"
#include "object/handle.h"
#include "sched/thread.h"

/* The call checks that its handle is current; it has none in the table of the process. */
#define KERNEL_CALL_HANDLE 1u

status_t mailbox_call_kernel(struct object *mailbox, uint64_t badge, struct trap_frame *message)
{
    struct thread *self = current_thread();
    struct handle_entry entry = {
        .object = mailbox, .badge = badge, .handle = KERNEL_CALL_HANDLE, .type = OBJECT_MAILBOX};
    struct trap_frame *saved = self->frame;
    message->rdi = KERNEL_CALL_HANDLE;
    self->frame = message;
    sys_mailbox_call(message, &entry);
    self->frame = saved;
    return (status_t)message->rax;
}

/* The thread may be about to make a call of its own, whose buffer is paged out: what it has noted about that is kept. */
status_t hook_page_fetch(struct object *mailbox, uint64_t area, uint64_t page, ns_t deadline)
{
    struct thread *self = current_thread();
    struct trap_frame message = {.rsi = PAGER_FETCH, .rdx = deadline, .r8 = area, .r9 = page};
    uint64_t call = self->call;
    uint32_t queued_pins = self->queued_pins;
    self->queued_pins = 0;
    status_t status = mailbox_call_kernel(mailbox, 0, &message);
    self->call = call;
    self->queued_pins = queued_pins;
    return status;
}
