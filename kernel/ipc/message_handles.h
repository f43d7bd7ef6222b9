/* SPDX-License-Identifier: MIT */
/* Handles that travel with a message. The layout of a descriptor is in kernel/abi/message.h. */
#pragma once

#include "kernel/abi/message.h"
#include "sched/thread.h"

/* How many handles a message brings, by its label. */
static inline unsigned message_handle_count(uint64_t label)
{
    return (unsigned)(label >> MESSAGE_HANDLES_SHIFT) & MESSAGE_HANDLES_LIMIT;
}

/* message_handles_are_sound() - the descriptors fit beside those of the buffers. */
static inline bool message_handles_are_sound(uint64_t label)
{
    unsigned first = label & MESSAGE_RECEIVE ? 4 : label & MESSAGE_SEND ? 2 : 0;
    return first + message_handle_count(label) <= MESSAGE_WORDS;
}

/*
 * message_handles_give() - put the handles of a message into the table of the receiver's process.
 *
 * @from, @to  threads that stand still: claimed, or the current one
 * OK: the sender's last words are the receiver's new handles, and what was moved is closed for the sender. On an error the receiver
 * has got nothing and the sender lost nothing: ERR_BAD_HANDLE, ERR_REVOKED, ERR_NO_RIGHTS the sender's fault; ERR_TABLE_FULL,
 * ERR_QUOTA, ERR_NO_MEMORY, ERR_PEER_CLOSED: the receiver has no room. (If another thread closes a handle while it is moved: ERR_BAD_HANDLE, and what
 * was moved before it in this message is gone.)
 * Context: thread, no lock held. Locks: HANDLES, and that of what is given.
 */
status_t message_handles_give(struct thread *from, struct thread *to, uint64_t label) MUST_CHECK;

/* message_handles_take_back() - after message_handles_give(), when the message cannot be delivered after all: they are closed. */
void message_handles_take_back(const struct thread *from, struct thread *to, uint64_t label);
