/* SPDX-License-Identifier: MIT */
/* Requests checked and served, replies checked: see interface.h. */
#include "userspace/lib/interface.h"

#include <stddef.h>
#include <string.h>

#include "userspace/lib/check.h"

#define LOAD_MASK (MESSAGE_SEND | MESSAGE_HANDLES_MASK)

static void close_handles(const struct message *message)
{
    for (unsigned i = 0; i < message_handle_count(message); i++) {
        (void)sys_handle_close(message_handle(message, i));
    }
}

/* ---- the client's half ---- */

status_t interface_call(uint64_t service, struct message *message, uint64_t deadline, uint64_t load)
{
    status_t status = message_call(service, message, deadline);

    if (status != OK) {
        return status;
    }
    status = (status_t)message_label(message);
    if (status == OK && (message->label & LOAD_MASK) != load) {
        status = ERR_CORRUPT;
    }
    if (status != OK) {
        close_handles(message);
    }
    return status;
}

/* ---- the server's half ---- */

/* N1: OK and the operation that a label names. */
static status_t find_operation(const struct interface_server *server, uint32_t label,
                               const struct interface_operation **out)
{
    for (unsigned i = 0; i < server->interface_count; i++) {
        const struct interface *interface = server->interfaces[i];
        unsigned number = label & INTERFACE_OPERATION_MASK;

        if (label >> INTERFACE_SHIFT != interface->number) {
            continue;
        }
        if ((uint8_t)(label >> INTERFACE_VERSION_SHIFT) != interface->version) {
            return ERR_VERSION;
        }
        if (number < interface->count && interface->operation[number].serve != NULL) {
            *out = &interface->operation[number];
            return OK;
        }
    }
    return ERR_NO_OPERATION;
}

/* N2 of a buffer: it lies in request->buffer, and word 1 is its length. */
static bool is_good_buffer(const struct interface_operation *operation,
                           struct interface_request *request)
{
    uint64_t bytes = request->in.word[1];

    if (bytes > operation->bytes_max) {
        return false;
    }
    if (operation->flags & INTERFACE_TEXT) {
        request->buffer[bytes] = '\0';
        return strlen(request->buffer) == bytes;
    }
    return true;
}

static bool is_good_request(const struct interface_operation *operation,
                            struct interface_request *request)
{
    if ((request->in.label & LOAD_MASK) != operation->load) {
        return false;
    }
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        if ((operation->narrow >> i & 1) != 0 && request->in.word[i] > UINT32_MAX) {
            return false;
        }
    }
    if ((operation->flags & INTERFACE_DEFERRED) && request->in.token == 0) {
        return false; /* sent one way: nobody could be answered later */
    }
    return (operation->load & MESSAGE_SEND) == 0 || is_good_buffer(operation, request);
}

status_t interface_handle(const struct interface_server *server, struct interface_request *request,
                          const struct interface_operation **out_operation)
{
    const struct interface_operation *operation = NULL;
    status_t status = find_operation(server, message_label(&request->in), &operation);

    *out_operation = operation;
    if (status == OK && !is_good_request(operation, request)) {
        status = ERR_BAD_ARGUMENT;
    }
    if (status == OK) {
        status = operation->serve(request);
    }
    if (status != OK) {
        close_handles(&request->in);
    }
    return status;
}

/* A moved handle that is still here could not be given. */
static void close_unmoved(const struct message *reply)
{
    for (unsigned i = 0; i < message_handle_count(reply); i++) {
        uint64_t descriptor = message_handle(reply, i);

        if (descriptor & MESSAGE_HANDLE_MOVE) {
            (void)sys_handle_close(descriptor & MESSAGE_HANDLE_MASK);
        }
    }
}

status_t interface_answer(uint64_t mailbox, const struct message *reply)
{
    status_t status = message_reply(mailbox, reply);

    if (status != OK) {
        const struct message why = {.label = (uint32_t)status, .token = reply->token};

        close_unmoved(reply);
        (void)message_reply(mailbox, &why); /* whose token it is may be gone: then nobody waits */
    }
    return status;
}

static void say_what_is_taken(const struct interface_server *server, struct message *message)
{
    message_accept_handles(
        message); /* also those that no operation takes: to be refused by N2 and closed */
    if (server->buffer != NULL) {
        message_receive_buffer(message, server->buffer, server->buffer_bytes - 1);
    }
}

static status_t receive_first(const struct interface_server *server, struct message *message,
                              uint64_t deadline)
{
    *message = (struct message){0};
    say_what_is_taken(server, message);
    return message_receive(server->mailbox, message, deadline);
}

/* The reply to what came and the next request, in one call where nothing goes wrong. */
static status_t reply_and_receive(const struct interface_server *server, struct message *message)
{
    struct message reply = *message;

    say_what_is_taken(server, message);
    status_t status = message_reply_receive(server->mailbox, message);
    if (status != OK) { /* of the reply or of the receive: each once more, by itself */
        (void)interface_answer(server->mailbox, &reply);
        status = receive_first(server, message, DEADLINE_FOREVER);
    }
    return status;
}

/* From request->in to request->out, the reply. Its token is 0 if nothing is to be answered now. */
static void serve_request(const struct interface_server *server, struct interface_request *request)
{
    const struct interface_operation *operation;
    uint64_t token = request->in.token;

    request->out = (struct message){0};
    status_t status = interface_handle(server, request, &operation);
    if (status != OK) {
        request->out = (struct message){.label = (uint32_t)status};
    } else if (token == 0) { /* sent one way: what would go back goes nowhere */
        close_unmoved(&request->out);
        request->out = (struct message){0};
    }
    bool is_kept = status == OK && (operation->flags & INTERFACE_DEFERRED);
    request->out.token = is_kept ? 0 : token;
}

void interface_serve(const struct interface_server *server)
{
    struct interface_request request = {.buffer = server->buffer, .answer = server->answer};

    must(receive_first(server, &request.in, DEADLINE_FOREVER));
    for (;;) {
        serve_request(server, &request);
        request.in = request.out;
        must(reply_and_receive(server, &request.in));
    }
}

status_t interface_serve_one(const struct interface_server *server, uint64_t deadline)
{
    struct interface_request request = {.buffer = server->buffer, .answer = server->answer};
    status_t status = receive_first(server, &request.in, deadline);

    if (status == OK) {
        serve_request(server, &request);
        if (request.out.token != 0) {
            (void)interface_answer(server->mailbox, &request.out);
        }
    }
    return status;
}
