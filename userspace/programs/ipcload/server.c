/* SPDX-License-Identifier: MIT */
/*
 * The server: threads that receive from one mailbox, check each request and answer it.
 *
 * A KIND_HOLD caller is parked: its token is kept while the next message is served, so that answers
 * leave in another order than the calls came in.
 */
#include <stdio.h>
#include <string.h>

#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/ipcload/ipcload.h"

#define PARK_TIME_MAX (2 * NS_PER_MS)

struct server {
    uint64_t mailbox;
    uint64_t served;
    bool has_parked;
    struct message parked; /* its answer */
    uint8_t in[BUFFER_BYTES_MAX] __attribute__((aligned(16)));
    uint8_t out[BUFFER_BYTES_MAX] __attribute__((aligned(16)));
};

static struct server servers[SERVER_THREADS_MAX];
static struct thread threads[SERVER_THREADS_MAX];

static struct message answer_words(const struct message *request)
{
    struct message reply = {.token = request->token, .label = message_label(request)};

    for (unsigned i = 0; i < ipcload_words(message_label(request)); i++) {
        reply.word[i] = answer_word(request->word[i], i, request->badge);
    }
    return reply;
}

static struct message answer_buffer(struct server *server, const struct message *request)
{
    struct message reply = {.token = request->token, .label = message_label(request)};
    uint64_t bytes = request->word[1];

    if (request->word[0] != 0 || bytes > BUFFER_BYTES_MAX ||
        !payload_is_good(server->in, bytes, request->word[4])) {
        reply.label = ipcload_label(KIND_BAD, 0);
        return reply;
    }
    payload_fill(server->out, bytes, answer_seed(request->word[4], request->badge));
    message_send_buffer(&reply, server->out, bytes);
    for (unsigned i = 4; i < MESSAGE_WORDS; i++) {
        reply.word[i] = answer_word(request->word[i], i, request->badge);
    }
    return reply;
}

static void answer_parked(struct server *server)
{
    if (server->has_parked) {
        server->has_parked = false;
        must(message_reply(server->mailbox, &server->parked));
    }
}

/* The next request; whoever is parked is let go when none comes. */
static void receive(struct server *server, struct message *request)
{
    uint64_t deadline = server->has_parked ? clock_now() + PARK_TIME_MAX : DEADLINE_FOREVER;

    for (;;) {
        *request = (struct message){0};
        message_receive_buffer(request, server->in, sizeof(server->in));
        status_t status = message_receive(server->mailbox, request, deadline);
        if (status == OK) {
            return;
        }
        VERIFY(status == ERR_TIMED_OUT && server->has_parked);
        answer_parked(server);
        deadline = DEADLINE_FOREVER;
    }
}

/* Answer with one call and wait for the next with it, as servers do that hold nobody. */
static void reply_and_receive(struct server *server, struct message *reply, struct message *request)
{
    if (server->has_parked) {
        must(message_reply(server->mailbox, reply));
        answer_parked(server);
        receive(server, request);
        return;
    }
    /*
     * Words 2 and 3 of an answer would be lost to the receive buffer, so an answer in words goes
     * alone.
     */
    if (ipcload_kind(message_label(reply)) == KIND_WORDS &&
        ipcload_words(message_label(reply)) > 2) {
        must(message_reply(server->mailbox, reply));
        receive(server, request);
        return;
    }
    *request = *reply;
    message_receive_buffer(request, server->in, sizeof(server->in));
    must(message_reply_receive(server->mailbox, request));
}

static void serve(void *argument)
{
    struct server *server = argument;
    struct message request, reply;

    receive(server, &request);
    for (;;) {
        switch (ipcload_kind(message_label(&request))) {
        case KIND_BUFFER:
            reply = answer_buffer(server, &request);
            break;
        case KIND_HOLD:
            server->served++;
            answer_parked(server);
            server->parked = answer_words(&request);
            server->has_parked = true;
            receive(server, &request);
            continue;
        case KIND_QUIT:
            answer_parked(server);
            reply = (struct message){
                .token = request.token, .label = KIND_QUIT, .word = {server->served}};
            must(message_reply(server->mailbox, &reply));
            return;
        default:
            reply = answer_words(&request);
            break;
        }
        server->served++;
        reply_and_receive(server, &reply, &request);
    }
}

int server_main(void)
{
    uint64_t count = option_u64("threads", 1);

    VERIFY(count >= 1 && count <= SERVER_THREADS_MAX);
    for (uint64_t i = 0; i < count; i++) {
        servers[i].mailbox = program_handle("mailbox");
    }
    for (uint64_t i = 1; i < count; i++) {
        must(thread_start(&threads[i], serve, &servers[i], THREAD_ANYWHERE, "ipc server"));
    }
    serve(&servers[0]);
    for (uint64_t i = 1; i < count; i++) {
        thread_join(&threads[i]);
    }
    return 0;
}
