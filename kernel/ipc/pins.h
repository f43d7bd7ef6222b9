/* SPDX-License-Identifier: MIT */
/*
 * Pins: the pages of its own buffers that a thread holds present for messages, at the cost of its process's account (QUOTA_PINS).
 *
 *      landing places     where it receives: the last two are noted and stay charged until it names others, or ends
 *      a queued message   what it sends while nobody receives: charged until the call is over, however it ends
 *
 * So a message on the direct path charges nothing: its landing place is one that was noted. A note that no call needs now is idle;
 * idle ones of the same thread are given up before a charge is refused.
 *
 * P1  What is charged for a thread is what thread_pins() says, and never less: charged before it is noted, returned after the note is
 *     gone. (check object)
 * P2  The thread itself charges and returns; thread_reap() returns what a thread has left, whatever ended it.
 */
#pragma once

#include "sched/thread.h"

/* pin_landing() - make [va, va + bytes) of the current thread's process present and writable, and note it. OK; ERR_QUOTA;
 * ERR_BAD_ADDRESS, ERR_NO_MEMORY: nothing is charged. Context: thread, no lock held; may take long. */
status_t pin_landing(struct thread *self, vaddr_t va, uint64_t bytes) MUST_CHECK;

/*
 * pin_message() - make what the current thread is about to queue with present for reading, until unpin_message().
 *
 * @landing  the landing place that the same call needs, 0: none
 *
 * Returns and context as pin_landing().
 */
status_t pin_message(struct thread *self, vaddr_t va, uint64_t bytes, vaddr_t landing) MUST_CHECK;
void unpin_message(struct thread *self);
