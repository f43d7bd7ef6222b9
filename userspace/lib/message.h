/* SPDX-License-Identifier: MIT */
/*
 * Messages over mailboxes: label and eight words in registers, and one buffer each way that the
 * kernel copies once (kernel/abi/message.h has the register layout).
 *
 *   client                                  server
 *   struct message m = {.label = GREET};    struct message m = {0};
 *   m.word[0] = 42;                         must(message_receive(mailbox, &m, DEADLINE_FOREVER));
 *   must(message_call(mailbox, &m,          for (;;) {
 *                     DEADLINE_FOREVER));       m = (struct message){.token = m.token};
 *   ... m.label, m.word[] are the reply         m.word[0] = 43;
 *                                               must(message_reply_receive(mailbox, &m));
 *                                           }
 *
 * Buffers: message_send_buffer() takes words 0 and 1, message_receive_buffer() words 2 and 3. Who
 * gets a buffer finds its length in word 1. A server that passes both to message_reply_receive()
 * sends the first with its reply and receives the next call's into the second.
 *
 * Handles: message_give_handle() takes words from the last one down.
 */
#pragma once

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/message.h"

struct message {
    uint64_t label; /* bits 0-31; flags above while the message is on its way in */
    uint64_t badge; /* received: of the handle it was sent through */
    uint64_t token; /* received: names the caller in the reply */
    uint64_t word[MESSAGE_WORDS];
};

static inline void message_send_buffer(struct message *message, const void *buffer, uint64_t bytes)
{
    message->label |= MESSAGE_SEND;
    message->word[0] = (uint64_t)buffer;
    message->word[1] = bytes;
}

static inline void message_receive_buffer(struct message *message, void *buffer, uint64_t capacity)
{
    message->label |= MESSAGE_RECEIVE;
    message->word[2] = (uint64_t)buffer;
    message->word[3] = capacity;
}

/*
 * message_accept_handles() - handles may come with what is received; without it, a sender that has
 * some is refused. message_give_handle() - take a handle along, with some of its rights; it comes to
 * stand before those given already. Up to eight, fewer beside buffers. With MESSAGE_HANDLE_MOVE or'ed to it the sender loses
 * it. message_handle_count(), message_handle() - what came with a message.
 */
static inline void message_accept_handles(struct message *message)
{
    message->label |= MESSAGE_ACCEPT;
}

static inline unsigned message_handle_count(const struct message *message)
{
    return (unsigned)(message->label >> MESSAGE_HANDLES_SHIFT & MESSAGE_HANDLES_LIMIT);
}

static inline void message_give_handle(struct message *message, uint64_t handle, uint32_t rights)
{
    unsigned count = message_handle_count(message) + 1;

    message->label += 1ull << MESSAGE_HANDLES_SHIFT;
    message->word[MESSAGE_WORDS - count] = handle | (uint64_t)rights << MESSAGE_HANDLE_RIGHTS_SHIFT;
}

static inline uint64_t message_handle(const struct message *message, unsigned i)
{
    return message->word[MESSAGE_WORDS - message_handle_count(message) + i];
}

static inline uint32_t message_label(const struct message *message)
{
    return (uint32_t)(message->label & MESSAGE_LABEL_MASK);
}

/* The operations. The message is only changed on OK. Status as in syscalls.toml. */
static inline status_t message_call(uint64_t mailbox, struct message *message, uint64_t deadline)
{
    return sys_mailbox_call(mailbox, &message->label, deadline, message->word);
}

/* message_send() - to wait until it is received, not for a reply: its receiver finds token 0. */
static inline status_t message_send(uint64_t mailbox, const struct message *message,
                                    uint64_t deadline)
{
    return sys_mailbox_send(mailbox, message->label, deadline, message->word);
}

static inline status_t message_receive(uint64_t mailbox, struct message *message, uint64_t deadline)
{
    return sys_mailbox_receive(mailbox, &message->label, deadline, &message->badge, &message->token,
                               message->word);
}

static inline status_t message_reply(uint64_t mailbox, const struct message *message)
{
    return sys_mailbox_reply(mailbox, message->label, message->token, message->word);
}

static inline status_t message_reply_receive(uint64_t mailbox, struct message *message)
{
    return sys_mailbox_reply_receive(mailbox, &message->label, &message->token, &message->badge,
                                     message->word);
}
