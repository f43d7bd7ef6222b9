/* SPDX-License-Identifier: MIT */
/* What the files of ipc/ share about mailboxes; kdebug may read it. */
#pragma once

#include "arch/frame.h"
#include "ipc/mailbox.h"
#include "kernel/abi/message.h"
#include "sched/thread.h"

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
