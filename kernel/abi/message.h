/* SPDX-License-Identifier: MIT */
/*
 * Messages: what travels in the registers of the mailbox calls.
 *
 * rsi holds the label register: label in bits 0-31, flags above. The words are, in order, r8 r9 r10 r12 r13 r14 r15 rbx.
 * With MESSAGE_SEND the first two words are a buffer to send (address, bytes); with MESSAGE_RECEIVE words 2 and 3
 * are a buffer to receive into (address, capacity). The peer sees, in place of the sender's descriptor, word 0 = 0 and
 * word 1 = the number of bytes that arrived in its buffer. Words 2 and 3 arrive as 0 if the sender used them as a
 * descriptor. The kernel copies a buffer once, from the sender's pages to the receiver's.
 *
 * Handles: the last words are descriptors of handles, as many as bits 40 to 43 of the label register say:
 *
 *      63     62 ... 44     43 ... 0
 *      move     rights       handle         move: the sender loses it; rights: what the receiver gets
 *
 * The receiver finds in those words the handles that it has got, and their number in the same bits of the label. It must have said
 * MESSAGE_ACCEPT when it began to wait: nobody's table is filled against his will.
 */
#pragma once

#define MESSAGE_LABEL_MASK 0xffffffffull
#define MESSAGE_SEND       (1ull << 32) /* words 0, 1: buffer to send */
#define MESSAGE_RECEIVE    (1ull << 33) /* words 2, 3: buffer to receive into */
#define MESSAGE_ACCEPT     (1ull << 34) /* handles may come with what is received */
#define MESSAGE_FLAGS_MASK (MESSAGE_SEND | MESSAGE_RECEIVE | MESSAGE_ACCEPT)

#define MESSAGE_HANDLES_SHIFT 40
#define MESSAGE_HANDLES_LIMIT 0xfull
#define MESSAGE_HANDLES_MASK  (MESSAGE_HANDLES_LIMIT << MESSAGE_HANDLES_SHIFT)

#define MESSAGE_HANDLE_MASK         ((1ull << 44) - 1)
#define MESSAGE_HANDLE_RIGHTS_SHIFT 44
#define MESSAGE_HANDLE_RIGHTS_MASK  0x7ffffull
#define MESSAGE_HANDLE_MOVE         (1ull << 63)

#define DEADLINE_POLL    0ull  /* do not wait */
#define DEADLINE_FOREVER ~0ull /* no deadline */
