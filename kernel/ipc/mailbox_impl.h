/* SPDX-License-Identifier: MIT */
/* What the files of ipc/ share about mailboxes; kdebug may read it. */
#pragma once

#include "arch/frame.h"
#include "ipc/mailbox.h"
#include "ipc/message_handles.h"
#include "kernel/abi/message.h"
#include "sched/process.h"
#include "sched/switch.h"
#include "vm/space.h"

/* The 48 bits of a ticket that the trace records as the id of a call. */
#define CALL_ID_MASK ((1ull << 48) - 1)

/* A caller whose message has been received waits for its reply (M1). */
static inline void served_join_locked(struct mailbox *mailbox, struct thread *caller)
{
    caller->served_by = mailbox;
    list_push_back(&mailbox->served, &caller->wait_link);
}

/* Off whatever list of the mailbox a thread is on. */
static inline void lists_leave_locked(struct thread *thread)
{
    thread->served_by = NULL;
    list_remove(&thread->wait_link);
}

/* The thread whose wait a token may name, or NULL: whether it does, its ticket tells. */
static inline struct thread *thread_of_token(uint64_t token)
{
    uint64_t slot = token & ((1ull << THREAD_SLOT_BITS) - 1);
    return LIKELY(slot < THREAD_MAX) ? thread_slots[slot] : NULL;
}

/* The words of a message, from the registers of one thread to those of another. */
static inline void frame_move_words(const struct trap_frame *from, struct trap_frame *to)
{
    to->r8 = from->r8;
    to->r9 = from->r9;
    to->r10 = from->r10;
    to->r12 = from->r12;
    to->r13 = from->r13;
    to->r14 = from->r14;
    to->r15 = from->r15;
    to->rbx = from->rbx;
}

/* A buffer descriptor must not reach the peer as words: what it sees is the number of bytes that arrived. */
static inline void hide_descriptors(uint64_t sender_label, uint64_t bytes, struct trap_frame *to)
{
    if (sender_label & MESSAGE_SEND) {
        to->r8 = 0;
        to->r9 = bytes;
    }
    if (sender_label & MESSAGE_RECEIVE) {
        to->r10 = 0;
        to->r12 = 0;
    }
}

/* In the label register of a queued or delivered message that wants no reply; no user sets it or sees it. */
#define MESSAGE_ONE_WAY (1ull << 35)

/* What a message carries beside its words, and what a receiver says that it takes. */
#define MESSAGE_LOAD_MASK    (MESSAGE_SEND | MESSAGE_HANDLES_MASK)
#define MESSAGE_LANDING_MASK (MESSAGE_RECEIVE | MESSAGE_ACCEPT)

/* What a thread has announced to take: address and capacity are in its frame until the message overwrites them. */
struct landing {
    vaddr_t address;
    uint64_t capacity;
    bool accepts; /* handles */
};

static inline struct landing landing_of(const struct thread *thread, uint64_t label)
{
    bool accepts = label & MESSAGE_ACCEPT;
    if (label & MESSAGE_RECEIVE) {
        return (struct landing){thread->frame->r10, thread->frame->r12, accepts};
    }
    return (struct landing){0, 0, accepts};
}

/* Give the message to the receiver's registers. */
static inline void deliver(const struct thread *from, struct thread *to, uint64_t label,
                           uint64_t badge, uint64_t token)
{
    uint64_t bytes = from->frame->r9;
    struct trap_frame *frame = to->frame;
    frame_move_words(from->frame, frame);
    if (UNLIKELY(label & MESSAGE_FLAGS_MASK)) {
        hide_descriptors(label, bytes, frame);
    }
    frame->rdi = badge;
    frame->rsi = label & (MESSAGE_LABEL_MASK | MESSAGE_LOAD_MASK | MESSAGE_ONE_WAY);
    frame->rdx = token;
}

/* The thread's receive buffer is still as present as when it was made so. */
static inline bool has_landing(const struct thread *self, const struct trap_frame *frame)
{
    const struct space *space = self->process->space;
    return space_is_resident(space, &self->landing[0], frame->r10, frame->r12) ||
           space_is_resident(space, &self->landing[1], frame->r10, frame->r12);
}

/* How often each core sent a message the general way, by reason; its own core counts. */
#define MAILBOX_DETOURS 8u
extern uint64_t mailbox_detours[CPU_MAX][MAILBOX_DETOURS];

/* Whether a mailbox has been closed, or is another by now (M5), since its lock was dropped for a copy. */
static inline bool mailbox_has_gone(const struct mailbox *mailbox, uint32_t id)
{
    return mailbox->closed || mailbox->object.id != id;
}

/*
 * message_prepare() - for who is about to send (`sends`) or receive: its label makes sense, and its own receive buffer is present before it
 * waits (M3). What it sends is only looked at for size: whoever copies his own message makes its pages present as he goes, and who has to
 * queue does it then (pin_message()).
 */
status_t message_prepare(const struct trap_frame *frame, uint64_t label, bool sends);
/*
 * message_carry() - bring what a message carries to the receiver: its buffer, then its handles. Both sides stand still, no lock is held.
 * OK; ERR_TOO_BIG: more than the receiver takes; ERR_BAD_ADDRESS with *out_bad_to telling whose pages were gone; what
 * message_handles_give() says.
 */
status_t message_carry(struct mailbox *mailbox, struct thread *from, struct thread *to,
                       struct landing landing, uint64_t label, uint64_t call, bool reply,
                       bool *out_bad_to);
/* message_take_back() - the mailbox has gone after message_carry() gave this status. No lock held: closing a handle may take any. */
void message_take_back(const struct thread *from, struct thread *to, uint64_t label,
                       status_t status);

/* The status that a system call returns. */
static inline void frame_set_status(struct trap_frame *frame, status_t status)
{
    frame->rax = (uint64_t)(int64_t)status;
}

/* Off whatever list the thread may still be on, after a wait that ended early (M2). */
static inline void mailbox_leave_lists(struct mailbox *mailbox, struct thread *self)
{
    spinlock_acquire(&mailbox->lock);
    lists_leave_locked(self);
    spinlock_release(&mailbox->lock);
}

/* Win the right to end a wait, and wait until that thread stands still (M6). */
static inline bool claim_still(struct thread *partner, uint64_t ticket)
{
    if (UNLIKELY(ticket == 0 || !thread_claim(partner, ticket))) {
        return false;
    }
    while (UNLIKELY(!thread_has_left(partner))) {
        cpu_relax();
        core_poll();
    }
    return true;
}

/*
 * For who has claimed a thread and dropped the lock, and cannot end its wait. mailbox_unclaim() - it waits on.
 * mailbox_put_back_receiver_locked() - the same for a receiver, which may get a message at once; drops the lock for its buffer.
 */
void mailbox_unclaim(struct thread *thread, uint64_t ticket);
void mailbox_put_back_receiver_locked(struct mailbox *mailbox, struct thread *server,
                                      uint64_t ticket);
