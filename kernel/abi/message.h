/* SPDX-License-Identifier: MIT */
/*
 * Messages: what travels in the registers of the mailbox calls.
 *
 * rsi holds the label register: label in bits 0-31, flags above. The words are, in order, r8 r9 r10 r12 r13 r14 r15 rbx.
 * With MESSAGE_SEND the first two words are a buffer to send (address, bytes); with MESSAGE_RECEIVE words 2 and 3
 * are a buffer to receive into (address, capacity). The peer sees, in place of the sender's descriptor, word 0 = 0 and
 * word 1 = the number of bytes that arrived in its buffer. Words 2 and 3 arrive as 0 if the sender used them as a
 * descriptor. The kernel copies a buffer once, from the sender's pages to the receiver's.
 */
#pragma once

#define MESSAGE_LABEL_MASK 0xffffffffull
#define MESSAGE_SEND       (1ull << 32) /* words 0, 1: buffer to send */
#define MESSAGE_RECEIVE    (1ull << 33) /* words 2, 3: buffer to receive into */
#define MESSAGE_FLAGS_MASK (MESSAGE_SEND | MESSAGE_RECEIVE)

#define DEADLINE_POLL    0ull  /* do not wait */
#define DEADLINE_FOREVER ~0ull /* no deadline */
