/* SPDX-License-Identifier: MIT */
/*
 * A user fault as a call to a supervisor.
 *
 * The thread makes an ordinary mailbox call, with all that follows: priority lent, direct hand-over,
 * trace, cancellation when it is killed, ERR_PEER_CLOSED when nobody can answer. Only the words are
 * not its registers, which the supervisor must not disturb: for the call a second frame on the
 * kernel stack takes the place of the one that the trap has saved.
 */
#include "trap/exception.h"

#include "base/assert.h"
#include "gen/syscall_handlers.h"
#include "kernel/abi/exception.h"
#include "kernel/abi/message.h"
#include "object/handle.h"
#include "sched/process.h"
#include "sched/thread.h"

/* The call checks that its handle is current; it has none in the table of the process. */
#define EXCEPTION_HANDLE 1u

#define RFLAGS_ARITHMETIC 0xcd5ull /* CF PF AF ZF SF DF OF */

static void fill_message(struct trap_frame *message, const struct trap_frame *frame,
                         vaddr_t address)
{
    const struct thread *self = current_thread();
    *message = (struct trap_frame){
        .rdi = EXCEPTION_HANDLE,
        .rsi = frame->vector,
        .rdx = DEADLINE_FOREVER,
        /* Words in the order of enum exception_word: r8 r9 r10 r12 r13 r14 r15 rbx. */
        .r8 = frame->rip,
        .r9 = frame->rsp,
        .r10 = frame->rflags,
        .r12 = frame->rax,
        .r13 = address,
        .r14 = frame->error,
        .r15 = self->tid,
        .rbx = self->process->object.id,
    };
}

static void take_reply(struct trap_frame *frame, const struct trap_frame *message)
{
    frame->rip = message->r8;
    frame->rsp = message->r9;
    frame->rflags = (frame->rflags & ~RFLAGS_ARITHMETIC) | (message->r10 & RFLAGS_ARITHMETIC);
    frame->rax = message->r12;
}

static status_t call_supervisor(struct thread *self, struct object *mailbox, uint64_t badge,
                                struct trap_frame *message)
{
    struct handle_entry entry = {
        .object = mailbox, .badge = badge, .handle = EXCEPTION_HANDLE, .type = OBJECT_MAILBOX};
    struct trap_frame *saved = self->frame;
    self->frame = message;
    sys_mailbox_call(message, &entry);
    self->frame = saved;
    return (status_t)message->rax;
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
    status_t status = call_supervisor(self, mailbox, badge, &message);
    object_put(mailbox);
    if (status == OK && (uint32_t)message.rsi == EXCEPTION_RESUME) {
        take_reply(frame, &message);
        return true;
    }
    return status == ERR_CANCELLED;
}
