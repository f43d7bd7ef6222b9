/* SPDX-License-Identifier: MIT */
/* Calls of mailboxes that the kernel makes for a thread: what has happened to it, or what it needs. */
#pragma once

#include "arch/frame.h"
#include "object/object.h"

/*
 * mailbox_call_kernel() - a mailbox call of the current thread with registers of its own: those that the trap has saved are not
 * touched, but the call that it is in, if it is in one, is this one from then on. No buffers.
 *
 * @message  label, deadline and words as for the system call; gets the reply's
 *
 * Returns the status of the call. The reference to the mailbox is the caller's. Context: thread, no lock held.
 */
status_t mailbox_call_kernel(struct object *mailbox, uint64_t badge,
                             struct trap_frame *message) MUST_CHECK;
