/* SPDX-License-Identifier: MIT */
/* Messages that want no reply: the sender waits until they are received, the receiver has nobody to answer. */
#include "userspace/programs/syscheck/syscheck.h"

#include <string.h>

#include "userspace/lib/clock.h"
#include "userspace/lib/thread.h"

#define MESSAGES 64u
#define LONG     (20 * NS_PER_S) /* who waits that long was forgotten */

static uint64_t mailbox, sender_handle;

static uint64_t make_mailbox(void)
{
    uint64_t made;

    must(sys_mailbox_create("one way", strlen("one way"), &made));
    return made;
}

static status_t send_word(uint64_t to, uint64_t word, uint64_t deadline)
{
    const struct message message = {.label = 7, .word = {word}};

    return message_send(to, &message, deadline);
}

/* Nobody receives; and what cannot be sent. */
static void check_refusals(void)
{
    struct message message = {.label = 7};
    char buffer[16];

    mailbox = make_mailbox();
    uint64_t receiver = handle_with(mailbox, RIGHT_MAILBOX_RECEIVE);
    EXPECT(send_word(mailbox, 1, DEADLINE_POLL), ERR_TIMED_OUT);
    EXPECT(send_word(mailbox, 1, clock_now() + NS_PER_MS), ERR_TIMED_OUT);
    EXPECT(message_receive(mailbox, &message, DEADLINE_POLL), ERR_TIMED_OUT); /* they are gone */
    EXPECT(send_word(receiver, 1, DEADLINE_POLL), ERR_NO_RIGHTS);
    must(sys_handle_close(receiver)); /* the mailbox ends with its last handle to receive */
    message_receive_buffer(&message, buffer, sizeof(buffer));
    EXPECT(message_send(mailbox, &message, DEADLINE_POLL), ERR_BAD_ARGUMENT);
    message = (struct message){0};
    message_accept_handles(&message);
    EXPECT(message_send(mailbox, &message, DEADLINE_POLL), ERR_BAD_ARGUMENT);
}

/* Words, and every fourth time a buffer with the same number; slowly, now and then, so that both sides have to wait. */
static void send_numbers(void *argument)
{
    uint64_t to = *(const uint64_t *)argument;

    for (uint64_t i = 0; i < MESSAGES; i++) {
        struct message message = {.label = (uint32_t)i, .word = {i, i, i, i, i, i, i, i}};
        uint64_t copy = i;
        if (i % 4 == 0) {
            message_send_buffer(&message, &copy, sizeof(copy));
        }
        EXPECT(message_send(to, &message, clock_now() + LONG), OK);
        copy = ~0ull; /* received by now: it is the sender's again */
        if (i % 16 < 4) {
            clock_sleep(NS_PER_MS);
        }
    }
}

static void check_numbers(void)
{
    struct thread sender;
    uint64_t to = handle_with(mailbox, RIGHT_MAILBOX_SEND), got = 0;

    must(thread_start(&sender, send_numbers, &to, THREAD_ANYWHERE, "one way"));
    for (uint64_t i = 0; i < MESSAGES; i++) {
        struct message message = {0};
        message_receive_buffer(&message, &got, sizeof(got));
        EXPECT(message_receive(mailbox, &message, clock_now() + LONG), OK);
        VERIFY(message.token == 0 && message_label(&message) == i && message.word[7] == i);
        VERIFY(i % 4 == 0 ? message.word[1] == sizeof(got) && got == i : message.word[0] == i);
        if (i % 16 >= 12) {
            clock_sleep(NS_PER_MS);
        }
    }
    thread_join(&sender);
}

/* Nobody can be answered, also not by the number that a call would have had. */
static void check_no_reply(void)
{
    struct thread sender;
    struct message message = {0};
    uint64_t to = handle_with(mailbox, RIGHT_MAILBOX_SEND);

    must(thread_start(&sender, send_numbers, &to, THREAD_ANYWHERE, "one way"));
    for (uint64_t i = 0; i < MESSAGES; i++) {
        char buffer[8];
        message = (struct message){0};
        message_receive_buffer(&message, buffer, sizeof(buffer));
        EXPECT(message_receive(mailbox, &message, clock_now() + LONG), OK);
        EXPECT(message_reply(mailbox, &message), ERR_BAD_TOKEN);
    }
    thread_join(&sender);
}

/* A sender in the queue is told when nobody can receive any more; a buffer too big for the receiver comes back to the sender. */
static void send_to_nobody(void *argument)
{
    *(status_t *)argument = send_word(sender_handle, 1, clock_now() + LONG);
}

static void send_too_much(void *argument)
{
    const char buffer[16] = "more than fits";
    struct message message = {.label = 7};

    message_send_buffer(&message, buffer, sizeof(buffer));
    *(status_t *)argument = message_send(mailbox, &message, clock_now() + LONG);
    EXPECT(send_word(mailbox, 5, clock_now() + LONG), OK);
}

static void check_failures(void)
{
    struct thread sender;
    struct message message = {0};
    status_t status = OK;

    must(thread_start(&sender, send_too_much, &status, THREAD_ANYWHERE, "one way"));
    EXPECT(message_receive(mailbox, &message, clock_now() + LONG), OK);
    VERIFY(message.word[0] == 5); /* the first was never received */
    thread_join(&sender);
    VERIFY(status == ERR_TOO_BIG);

    sender_handle = handle_with(mailbox, RIGHT_MAILBOX_SEND);
    must(thread_start(&sender, send_to_nobody, &status, THREAD_ANYWHERE, "one way"));
    clock_sleep(20 * NS_PER_MS); /* until it waits; later is fine, too, but tests less */
    EXPECT(sys_handle_close(mailbox), OK);
    thread_join(&sender);
    VERIFY(status == ERR_PEER_CLOSED);
}

void check_one_way(void)
{
    check_refusals();
    check_numbers();
    check_no_reply();
    check_failures();
}
