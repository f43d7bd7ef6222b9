/* SPDX-License-Identifier: MIT */
/*
 * Generated client stubs against generated dispatch: a played kernel turns the client's message into the server's request, as
 * kernel/abi/message.h says, and what was answered into the reply.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gen/interface/sample_client.h"
#include "gen/interface/sample_server.h"
#include "userspace/lib/check.h"

#define BADGE      77u
#define TOKEN      5u
#define OUR_HANDLE 0x1009u
#define NEW_HANDLE 0x2001u
#define BAD_CODE   99u

static const struct interface *const interfaces[] = {&sample_interface};
static char buffer[SAMPLE_RECEIVES], answer[SAMPLE_REVERSE_REVERSED_MAX];
static const struct interface_server server = {1, 1, interfaces, buffer, sizeof(buffer), answer};

static unsigned served, closed;
static uint64_t last_closed, died_of;
static void (*tamper)(struct message *request); /* between client and server */
static void (*spoil)(struct message *reply);    /* between server and client */

/* ---- the server ---- */

status_t sample_on_add(const struct interface_request *request, uint64_t a, uint32_t b,
                       uint64_t *out_sum, uint32_t *out_low)
{
    assert_int_equal(request->in.badge, BADGE);
    served++;
    *out_sum = a + b;
    *out_low = (uint32_t)a;
    return OK;
}

status_t sample_on_reverse(const struct interface_request *request, const void *data,
                           uint64_t data_bytes, uint32_t from, void *reversed,
                           uint64_t *out_reversed_bytes, uint64_t *out_sum)
{
    const uint8_t *bytes = data;
    uint64_t count = data_bytes - from;

    (void)request;
    served++;
    if (from > data_bytes) {
        return ERR_RANGE;
    }
    *out_sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        ((uint8_t *)reversed)[i] = bytes[data_bytes - 1 - i];
        *out_sum += bytes[data_bytes - 1 - i];
    }
    *out_reversed_bytes = count;
    return OK;
}

status_t sample_on_swap(const struct interface_request *request, uint64_t given,
                        uint64_t *out_taken)
{
    (void)request;
    served++;
    assert_int_equal(given, NEW_HANDLE);
    *out_taken = OUR_HANDLE;
    return OK;
}

status_t sample_on_whoami(const struct interface_request *request, uint64_t *out_badge,
                          uint64_t *out_process)
{
    served++;
    *out_badge = request->in.badge;
    *out_process = 0;
    return ERR_BUSY;
}

status_t sample_on_die(const struct interface_request *request, uint32_t code)
{
    assert_int_equal(request->in.token, 0);
    served++;
    died_of = code;
    return OK;
}

/* ---- the played kernel ---- */

/* What the other side sees of a message's buffers and handles. */
static void carry(struct message *message, char *to, uint64_t capacity)
{
    unsigned count = message_handle_count(message);

    if (message->label & MESSAGE_SEND) {
        assert_true(message->word[1] <= capacity);
        memcpy(to, (const void *)message->word[0], message->word[1]);
        message->word[0] = 0;
    }
    for (unsigned i = 0; i < count; i++) {
        message->word[MESSAGE_WORDS - count + i] = NEW_HANDLE + i;
    }
    message->label &= MESSAGE_LABEL_MASK | MESSAGE_SEND | MESSAGE_HANDLES_MASK;
}

static status_t deliver(struct message *message, uint64_t token, struct interface_request *request)
{
    const struct interface_operation *operation;

    *request = (struct interface_request){.in = *message, .buffer = buffer, .answer = answer};
    request->in.badge = BADGE;
    request->in.token = token;
    carry(&request->in, buffer, sizeof(buffer));
    if (tamper != NULL) {
        tamper(&request->in);
    }
    return interface_handle(&server, request, &operation);
}

status_t sys_mailbox_call(uint64_t mailbox, uint64_t *label, uint64_t deadline, uint64_t words[8])
{
    struct message message = {.label = *label};
    struct interface_request request;

    assert_int_equal(mailbox, 1);
    assert_int_equal(deadline, 1000);
    memcpy(message.word, words, sizeof(message.word));
    status_t status = deliver(&message, TOKEN, &request);
    if (status != OK) {
        request.out = (struct message){.label = (uint32_t)status};
    }
    if (spoil != NULL) {
        spoil(&request.out);
    }
    carry(&request.out, (char *)words[2], words[3]);
    memcpy(words, request.out.word, sizeof(request.out.word));
    *label = request.out.label;
    return OK;
}

status_t sys_mailbox_send(uint64_t mailbox, uint64_t label, uint64_t deadline,
                          const uint64_t words[8])
{
    struct message message = {.label = label};
    struct interface_request request;

    (void)mailbox;
    (void)deadline;
    memcpy(message.word, words, sizeof(message.word));
    return deliver(&message, 0, &request);
}

status_t sys_mailbox_receive(uint64_t mailbox, uint64_t *label, uint64_t deadline,
                             uint64_t *out_badge, uint64_t *out_token, uint64_t words[8])
{
    (void)mailbox, (void)label, (void)deadline, (void)out_badge, (void)out_token, (void)words;
    return ERR_PEER_CLOSED;
}

status_t sys_mailbox_reply(uint64_t mailbox, uint64_t label, uint64_t token,
                           const uint64_t words[8])
{
    (void)mailbox, (void)words;
    assert_int_equal(token, TOKEN);
    return label & MESSAGE_HANDLES_MASK ? ERR_TOO_BIG : OK;
}

status_t sys_mailbox_reply_receive(uint64_t mailbox, uint64_t *label, uint64_t *token,
                                   uint64_t *out_badge, uint64_t words[8])
{
    (void)mailbox, (void)label, (void)token, (void)out_badge, (void)words;
    return ERR_PEER_CLOSED;
}

status_t sys_handle_close(uint64_t handle)
{
    closed++;
    last_closed = handle;
    return OK;
}

void check_failed(status_t status, const char *what)
{
    fail_msg("%s: %d", what, status);
    __builtin_unreachable();
}

static int reset(void **state)
{
    (void)state;
    served = closed = 0;
    tamper = spoil = NULL;
    return 0;
}

/* ---- what comes through ---- */

static void test_numbers(void **state)
{
    uint64_t sum;
    uint32_t low;

    (void)state;
    assert_int_equal(sample_add(1, 1ull << 40, 7, 1000, &sum, &low), OK);
    assert_int_equal(sum, (1ull << 40) + 7);
    assert_int_equal(low, 0);
}

static void test_bytes(void **state)
{
    char out[8] = {0};
    uint64_t bytes, sum;

    (void)state;
    assert_int_equal(sample_reverse(1, "abc", 3, 1, 1000, out, sizeof(out), &bytes, &sum), OK);
    assert_int_equal(bytes, 2);
    assert_string_equal(out, "cb");
    assert_int_equal(sum, 'b' + 'c');
    assert_int_equal(sample_reverse(1, "abc", 3, 4, 1000, out, sizeof(out), &bytes, &sum),
                     ERR_RANGE);
}

static void test_handles(void **state)
{
    uint64_t taken;

    (void)state;
    assert_int_equal(sample_swap(1, 0x44, 1000, &taken), OK);
    assert_int_equal(taken, NEW_HANDLE);
    assert_int_equal(closed, 0);
}

static void test_one_way(void **state)
{
    (void)state;
    assert_int_equal(sample_die(1, 3, 1000), OK);
    assert_int_equal(died_of, 3);
}

static void test_errors_come_alone(void **state)
{
    uint64_t badge = BAD_CODE, process = BAD_CODE;

    (void)state;
    assert_int_equal(sample_whoami(1, 1000, &badge, &process), ERR_BUSY);
    assert_int_equal(badge, BAD_CODE);
}

/* ---- what is refused: nothing of it reaches a handler ---- */

static void ask_unknown(struct message *message)
{
    message->label = (message->label & ~0xffull) | 4;
}

static void ask_beyond(struct message *message)
{
    message->label |= 0xff;
}

static void ask_nothing(struct message *message)
{
    message->label &= ~0xffull;
}

static void ask_another(struct message *message)
{
    message->label += 1ull << INTERFACE_SHIFT;
}

static void ask_older(struct message *message)
{
    message->label -= 1ull << INTERFACE_VERSION_SHIFT;
}

static void make_wide(struct message *message)
{
    message->word[1] |= 1ull << 32;
}

static void add_buffer(struct message *message)
{
    message->label |= MESSAGE_SEND;
}

static void add_handles(struct message *message)
{
    message->label |= 2ull << MESSAGE_HANDLES_SHIFT;
    message->word[7] = NEW_HANDLE;
}

static const struct {
    const char *what;
    void (*tamper)(struct message *message);
    status_t status;
    unsigned closed;
} refusals[] = {
    {"a hole in the numbers", ask_unknown, ERR_NO_OPERATION, 0},
    {"beyond the last", ask_beyond, ERR_NO_OPERATION, 0},
    {"number 0", ask_nothing, ERR_NO_OPERATION, 0},
    {"another interface", ask_another, ERR_NO_OPERATION, 0},
    {"another version", ask_older, ERR_VERSION, 0},
    {"a number of more than 32 bits", make_wide, ERR_BAD_ARGUMENT, 0},
    {"a buffer that the operation does not take", add_buffer, ERR_BAD_ARGUMENT, 0},
    {"handles that the operation does not take", add_handles, ERR_BAD_ARGUMENT, 2},
};

static void test_refusals(void **state)
{
    uint64_t sum;
    uint32_t low;

    (void)state;
    for (unsigned i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        closed = 0;
        tamper = refusals[i].tamper;
        status_t status = sample_add(1, 2, 3, 1000, &sum, &low);
        if (status != refusals[i].status || closed != refusals[i].closed) {
            fail_msg("%s: %d, %u closed", refusals[i].what, status, closed);
        }
    }
    assert_int_equal(served, 0);
}

static void take_buffer_away(struct message *message)
{
    message->label &= ~MESSAGE_SEND;
}

static void make_longer(struct message *message)
{
    message->word[1] = SAMPLE_REVERSE_DATA_MAX + 1;
}

static void test_wrong_buffers(void **state)
{
    uint64_t bytes, sum;
    char out[8];

    (void)state;
    tamper = take_buffer_away;
    assert_int_equal(sample_reverse(1, "abc", 3, 0, 1000, out, sizeof(out), &bytes, &sum),
                     ERR_BAD_ARGUMENT);
    tamper = make_longer;
    assert_int_equal(sample_reverse(1, "abc", 3, 0, 1000, out, sizeof(out), &bytes, &sum),
                     ERR_BAD_ARGUMENT);
    assert_int_equal(served, 0);
}

static void test_wrong_replies(void **state)
{
    uint64_t sum;
    uint32_t low;

    (void)state;
    spoil = add_handles;
    assert_int_equal(sample_add(1, 2, 3, 1000, &sum, &low), ERR_CORRUPT);
    assert_int_equal(closed, 2);
}

static void test_answer_that_is_not_taken(void **state)
{
    struct message reply = {.token = TOKEN};

    (void)state;
    message_give_handle(&reply, OUR_HANDLE | MESSAGE_HANDLE_MOVE, 0);
    message_give_handle(&reply, 0x55, 0);
    assert_int_equal(interface_answer(1, &reply), ERR_TOO_BIG);
    assert_int_equal(closed, 1);
    assert_int_equal(last_closed, OUR_HANDLE);
}

#define CASE(name, function)                                                                       \
    {                                                                                              \
        name, function, reset, NULL, NULL                                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE("numbers come through", test_numbers),
        CASE("bytes come through, with numbers beside them", test_bytes),
        CASE("handles come through", test_handles),
        CASE("what is sent one way is served", test_one_way),
        CASE("an error comes without results", test_errors_come_alone),
        CASE("what is no request of the interface is refused (N1, N2, N3)", test_refusals),
        CASE("a missing or too long buffer is refused (N2)", test_wrong_buffers),
        CASE("a reply that is none is refused and its handles closed", test_wrong_replies),
        CASE("a handle that could not be moved is closed (N4)", test_answer_that_is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
