/* SPDX-License-Identifier: MIT */
/* What a message carries beside its words: a buffer, handles. See mailbox.c, M3. */
#include "ipc/mailbox_impl.h"

#include "base/hooks.h"
#include "gen/trace_emit.h"
#include "ipc/pins.h"

status_t message_prepare(const struct trap_frame *frame, uint64_t label, bool sends)
{
    struct thread *self = current_thread();
    if (sends && !message_handles_are_sound(label)) {
        return ERR_BAD_ARGUMENT;
    }
    if (sends && (label & MESSAGE_SEND) && frame->r9 > MESSAGE_BUFFER_MAX) {
        return ERR_TOO_BIG;
    }
    if (!(label & MESSAGE_RECEIVE) || has_landing(self, frame)) {
        return OK;
    }
    if (frame->r12 > MESSAGE_BUFFER_MAX) {
        return ERR_TOO_BIG;
    }
    return pin_landing(self, frame->r10, frame->r12);
}

/* Copy the current thread's message to the space of another, step by step, its own pages being made present where needed. */
static status_t copy_own(struct space *to, vaddr_t to_va, vaddr_t from_va, uint64_t bytes,
                         bool *out_bad_to)
{
    struct space *own = current_thread()->process->space;
    for (;;) {
        uint64_t now = MIN(bytes, SPACE_SEND_MAX);
        if (!space_send(to, to_va, from_va, now)) {
            status_t status = space_prefault(own, from_va, now, false);
            if (status == OK) {
                status = space_copy(to, to_va, own, from_va, now, out_bad_to);
            }
            if (status != OK) {
                return status;
            }
        }
        bytes -= now;
        if (bytes == 0) {
            return OK;
        }
        to_va += now;
        from_va += now;
        preempt_point();
    }
}

/* Copy the sender's buffer to the receiver. OK, or ERR_BAD_ADDRESS with *out_bad_to telling whose pages were gone. */
static status_t copy_buffer(struct mailbox *mailbox, struct thread *from, struct thread *to,
                            struct landing landing, uint64_t call, bool reply, bool *out_bad_to)
{
    uint64_t bytes = from->frame->r9;
    status_t status;
    if (from == current_thread()) {
        status = copy_own(to->process->space, landing.address, from->frame->r8, bytes, out_bad_to);
    } else {
        status = space_copy(to->process->space, landing.address, from->process->space,
                            from->frame->r8, bytes, out_bad_to);
    }
    trace_ipc_copy((uint8_t)status, call & CALL_ID_MASK, reply, from->tid, to->tid,
                   (uint32_t)bytes);
    if (status == OK) {
        __atomic_fetch_add(&mailbox->bytes, bytes, __ATOMIC_RELAXED);
    }
    return status;
}

COLD NOT_TRACED status_t message_carry(struct mailbox *mailbox, struct thread *from,
                                       struct thread *to, struct landing landing, uint64_t label,
                                       uint64_t call, bool reply, bool *out_bad_to)
{
    status_t status = OK;
    bool gives = (label & MESSAGE_HANDLES_MASK) != 0;
    *out_bad_to = false;
    if (((label & MESSAGE_SEND) && from->frame->r9 > landing.capacity) ||
        (gives && !landing.accepts)) {
        return ERR_TOO_BIG;
    }
    if (label & MESSAGE_SEND) {
        status = copy_buffer(mailbox, from, to, landing, call, reply, out_bad_to);
    }
    if (status == OK && gives) {
        status = message_handles_give(from, to, label);
        trace_ipc_handles((uint8_t)status, call & CALL_ID_MASK, reply,
                          (uint8_t)message_handle_count(label), from->tid, to->tid);
    }
    return status;
}

COLD void message_take_back(const struct thread *from, struct thread *to, uint64_t label,
                            status_t status)
{
    if (status == OK && (label & MESSAGE_HANDLES_MASK)) {
        message_handles_take_back(from, to, label);
    }
}
