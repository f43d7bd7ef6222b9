/* SPDX-License-Identifier: MIT */
/* A user fault as a call to a supervisor (ipc/kernel_call.c). */
#include "trap/exception.h"

#include "ipc/kernel_call.h"
#include "kernel/abi/exception.h"
#include "kernel/abi/message.h"
#include "sched/process.h"
#include "sched/thread.h"

#define RFLAGS_ARITHMETIC 0xcd5ull /* CF PF AF ZF SF DF OF */

/* What a call reads of a frame, and no more: nobody sees the rest. */
static void fill_message(struct trap_frame *message, const struct trap_frame *frame,
                         vaddr_t address)
{
    const struct thread *self = current_thread();
    message->rsi = frame->vector;
    message->rdx = DEADLINE_FOREVER;
    /* Words in the order of enum exception_word: r8 r9 r10 r12 r13 r14 r15 rbx. */
    message->r8 = frame->rip;
    message->r9 = frame->rsp;
    message->r10 = frame->rflags;
    message->r12 = frame->rax;
    message->r13 = address;
    message->r14 = frame->error;
    message->r15 = self->tid;
    message->rbx = self->process->object.id;
}

static void take_reply(struct trap_frame *frame, const struct trap_frame *message)
{
    frame->rip = message->r8;
    frame->rsp = message->r9;
    frame->rflags = (frame->rflags & ~RFLAGS_ARITHMETIC) | (message->r10 & RFLAGS_ARITHMETIC);
    frame->rax = message->r12;
}

bool exception_handled(struct trap_frame *frame, vaddr_t address)
{
    struct thread *self = current_thread();
    struct trap_frame message;
    uint64_t badge;
    struct object *mailbox = process_supervisor_get(self->process, &badge);
    if (mailbox == NULL) {
        return false;
    }
    fill_message(&message, frame, address);
    status_t status = mailbox_call_kernel(mailbox, badge, &message);
    object_put(mailbox);
    if (status == OK && (uint32_t)message.rsi == EXCEPTION_RESUME) {
        take_reply(frame, &message);
        return true;
    }
    return status == ERR_CANCELLED;
}
