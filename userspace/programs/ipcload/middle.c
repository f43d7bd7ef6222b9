/* SPDX-License-Identifier: MIT */
/*
 * The server in the middle: serves each call by making one itself, and adds its part to the
 * answer's words.
 */
#include "userspace/lib/check.h"
#include "userspace/lib/start.h"
#include "userspace/programs/ipcload/ipcload.h"

static uint8_t in[BUFFER_BYTES_MAX] __attribute__((aligned(16)));
static uint8_t out[BUFFER_BYTES_MAX] __attribute__((aligned(16)));

/* Pass a request on; the answer is ready to be sent to the caller of the request. */
static struct message pass_on(uint64_t server, const struct message *request)
{
    bool has_buffer = ipcload_kind(message_label(request)) == KIND_BUFFER;
    struct message call = *request;

    call.label = message_label(request);
    if (has_buffer) {
        message_send_buffer(&call, in, request->word[1]);
        message_receive_buffer(&call, out, sizeof(out));
    }
    must(message_call(server, &call, DEADLINE_FOREVER));

    struct message reply = call;
    reply.token = request->token;
    reply.label = message_label(&call);
    if (ipcload_kind(message_label(&call)) == KIND_BAD) {
        return reply;
    }
    unsigned first = has_buffer ? 4 : 0;
    unsigned end = has_buffer ? MESSAGE_WORDS : ipcload_words(message_label(request));
    for (unsigned i = first; i < end; i++) {
        reply.word[i] = answer_word(call.word[i], i, request->badge);
    }
    if (has_buffer) {
        reply.word[2] = reply.word[3] = 0;
        message_send_buffer(&reply, out, call.word[1]);
    }
    return reply;
}

int middle_main(void)
{
    uint64_t mailbox = program_handle("mailbox");
    uint64_t server = program_handle("server");
    uint64_t served = 0;

    for (;; served++) {
        struct message request = {0};

        message_receive_buffer(&request, in, sizeof(in));
        must(message_receive(mailbox, &request, DEADLINE_FOREVER));
        if (ipcload_kind(message_label(&request)) == KIND_QUIT) {
            struct message reply = {.token = request.token, .label = KIND_QUIT, .word = {served}};
            must(message_reply(mailbox, &reply));
            return 0;
        }
        struct message reply = pass_on(server, &request);
        must(message_reply(mailbox, &reply));
    }
}
