/* SPDX-License-Identifier: MIT */
/* Messages: words, buffers, handles, badges, deadlines, and the end of who was to answer. */
#include <string.h>

#include "userspace/lib/message.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/tests/tests.h"

#define GREET 5u
#define LEAVE 6u
#define BYTES 3000u

static uint64_t requests;      /* the server's mailbox */
static uint64_t client;        /* a handle of it to send, with a badge */
static uint64_t one_way_badge; /* of the last message that wanted no reply */
static uint64_t one_way_word;
static struct thread server;

/* Answers with the words in reverse, the badge in the first, a buffer with its bytes turned round; LEAVE ends it unanswered. */
static void serve(void *argument)
{
    static char in[BYTES];

    (void)argument;
    for (;;) {
        struct message message = {0};

        message_receive_buffer(&message, in, sizeof(in));
        message_accept_handles(&message);
        must(message_receive(requests, &message, DEADLINE_FOREVER));
        if (message_label(&message) == LEAVE) {
            return;
        }
        if (message.token == 0) {
            one_way_badge = message.badge;
            one_way_word = message.word[4];
            continue;
        }
        struct message reply = {.label = message_label(&message) + 1, .token = message.token};
        const bool has_buffer = (message.label & MESSAGE_SEND) != 0;
        const uint64_t bytes = message.word[1];
        if (message_handle_count(&message) == 1) {
            uint64_t given = message_handle(&message, 0), used;
            must(sys_area_query(given, &reply.word[4], &used));
            must(sys_handle_close(given));
        } else if (has_buffer) {
            for (uint64_t i = 0; i < bytes / 2; i++) {
                char byte = in[i];
                in[i] = in[bytes - 1 - i];
                in[bytes - 1 - i] = byte;
            }
            message_send_buffer(&reply, in, bytes);
        } else {
            for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
                reply.word[i] = message.word[MESSAGE_WORDS - 1 - i];
            }
            reply.word[0] = message.badge;
        }
        must(message_reply(requests, &reply));
    }
}

static void words_and_badge_arrive(void)
{
    struct message message = {.label = GREET};

    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        message.word[i] = i + 100;
    }
    must(message_call(client, &message, LONG));
    CHECK(message_label(&message) == GREET + 1 && message.word[0] == 77);
    for (unsigned i = 1; i < MESSAGE_WORDS; i++) {
        CHECK(message.word[i] == MESSAGE_WORDS - 1 - i + 100);
    }
}

static void buffers_are_copied_both_ways(void)
{
    static char out[BYTES], back[BYTES];
    const uint64_t sizes[] = {1, 7, 4096 - 1 < BYTES ? 4095 : 64, BYTES};

    for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct message message = {.label = GREET};
        for (uint64_t i = 0; i < sizes[s]; i++) {
            out[i] = (char)(i * 7 + s);
        }
        message_send_buffer(&message, out, sizes[s]);
        message_receive_buffer(&message, back, sizeof(back));
        must(message_call(client, &message, LONG));
        CHECK(message.word[1] == sizes[s]);
        for (uint64_t i = 0; i < sizes[s]; i++) {
            CHECK(back[i] == out[sizes[s] - 1 - i]);
        }
    }
}

static void a_handle_can_be_given_along(void)
{
    struct message message = {.label = GREET};
    uint64_t area, bytes, physical;

    must(sys_area_create(5 * PAGE_BYTES, 0, &area));
    message_give_handle(&message, area | MESSAGE_HANDLE_MOVE, RIGHT_AREA_READ);
    must(message_call(client, &message, LONG));
    CHECK(message.word[4] == 5 * PAGE_BYTES);
    CHECK_GIVES(ERR_BAD_HANDLE, sys_area_query(area, &bytes, &physical)); /* it was moved */
}

static void one_way_means_no_reply(void)
{
    const struct message message = {.label = GREET, .word[4] = 4711};

    must(message_send(client, &message, LONG));
    words_and_badge_arrive(); /* whoever answers that has seen the first */
    CHECK(one_way_badge == 77 && one_way_word == 4711);
}

static void a_deadline_ends_a_wait(void)
{
    struct message message = {.label = GREET};
    uint64_t deaf, begin = clock_now();

    must(sys_mailbox_create("deaf", strlen("deaf"), &deaf));
    CHECK_GIVES(ERR_TIMED_OUT, message_call(deaf, &message, DEADLINE_POLL));
    CHECK_GIVES(ERR_TIMED_OUT, message_call(deaf, &message, begin + 3 * NS_PER_MS));
    CHECK(clock_now() >= begin + 3 * NS_PER_MS);
    CHECK_GIVES(ERR_TIMED_OUT, message_receive(deaf, &message, DEADLINE_POLL));
    must(sys_handle_close(deaf));
}

static void hang_up(void *mailbox)
{
    struct message message = {0};

    must(message_receive((uint64_t)mailbox, &message, DEADLINE_FOREVER));
    must(sys_handle_close((uint64_t)mailbox));
}

static void who_closes_a_mailbox_leaves_nobody_waiting(void)
{
    struct message message = {.label = GREET};
    struct thread thread;
    uint64_t mailbox, sender;

    must(sys_mailbox_create("leaves", strlen("leaves"), &mailbox));
    must(sys_handle_duplicate(mailbox, RIGHT_MAILBOX_SEND, 0, &sender));
    must(thread_start(&thread, hang_up, (void *)mailbox, THREAD_ANYWHERE, "hang up"));
    CHECK_GIVES(ERR_PEER_CLOSED, message_call(sender, &message, LONG));
    CHECK_GIVES(ERR_PEER_CLOSED, message_call(sender, &message, DEADLINE_POLL));
    thread_join(&thread);
    must(sys_handle_close(sender));
}

static void a_token_is_good_once(void)
{
    const struct message wrong = {.label = GREET, .token = 0x123456789ull};

    CHECK_GIVES(ERR_BAD_TOKEN, message_reply(requests, &wrong));
}

int test_ipc(void)
{
    static const struct test tests[] = {
        TEST(words_and_badge_arrive),      TEST(buffers_are_copied_both_ways),
        TEST(a_handle_can_be_given_along), TEST(one_way_means_no_reply),
        TEST(a_deadline_ends_a_wait),      TEST(who_closes_a_mailbox_leaves_nobody_waiting),
        TEST(a_token_is_good_once),
    };
    const struct message leave = {.label = LEAVE};

    must(sys_mailbox_create("server", strlen("server"), &requests));
    must(sys_handle_duplicate(requests, RIGHT_MAILBOX_SEND, 77, &client));
    must(thread_start(&server, serve, NULL, THREAD_ANYWHERE, "server"));
    int code = TESTS_RUN("ipc", tests);
    must(message_send(client, &leave, LONG));
    thread_join(&server);
    return code;
}
