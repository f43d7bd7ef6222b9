/* SPDX-License-Identifier: MIT */
/*
 * What generated stubs of interfaces stand on (userspace/interfaces, tools/gen/interface_code.py).
 *
 * A request's label names interface, version and operation; the reply's label is the status:
 *
 *      31 ....... 16 15 ... 8 7 .... 0
 *      interface     version  operation
 *
 * A server calls interface_serve() with the interfaces that it implements. Nothing of a request reaches a handler before it is
 * what the definition says:
 *   N1  The label is one of an operation that exists: else ERR_NO_OPERATION; of another version: ERR_VERSION.
 *   N2  It carries a buffer, and as many handles, exactly as the operation takes; the buffer is no longer than its limit; a text
 *       has no NUL inside, and gets one behind it; a 32-bit number fits: else ERR_BAD_ARGUMENT.
 *   N3  Handles of a request that is refused, or whose handler fails, are closed: nobody fills a server's table.
 *   N4  Whatever becomes of a reply, the server goes on: a caller that takes no such reply gets the error instead, and one that is
 *       gone costs nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/lib/message.h"

#define INTERFACE_SHIFT          16
#define INTERFACE_VERSION_SHIFT  8
#define INTERFACE_OPERATION_MASK 0xffu

#define INTERFACE_TEXT     1u /* the buffer that comes is a text */
#define INTERFACE_DEFERRED 2u /* OK: the handler has kept the token and will answer */
#define INTERFACE_ONE_WAY  4u /* never answered */

/* A request, as handlers see it. */
struct interface_request {
    struct message in; /* badge: of whom; token: for an answer later on, 0 if none is wanted */
    struct message out;
    char *buffer; /* what came */
    char *answer; /* room for what goes back */
};

struct interface_operation {
    status_t (*serve)(struct interface_request *request); /* NULL: there is no such operation */
    uint64_t load;                                        /* flags of the label register */
    uint32_t bytes_max;
    uint8_t narrow; /* a bit for each word that must fit 32 bits */
    uint8_t flags;  /* INTERFACE_* */
};

struct interface {
    uint16_t number;
    uint8_t version;
    uint16_t count;    /* of operations: highest number plus 1 */
    uint32_t receives; /* bytes of the longest buffer that comes */
    uint32_t answers;  /* bytes of the longest that goes back */
    const struct interface_operation *operation;
};

struct interface_server {
    uint64_t mailbox; /* right to receive */
    unsigned interface_count;
    const struct interface *const *interfaces;
    char *
        buffer; /* for what comes: buffer_bytes, at least the longest plus 1; NULL: no operation takes one */
    uint64_t buffer_bytes;
    char *answer; /* for what goes back; NULL: no operation answers with one */
};

/*
 * interface_call() - a client's half: call, and look at the reply.
 * @load  what the reply carries with OK, as flags of the label register
 * OK; what the server answered; what the call gives; ERR_CORRUPT: the reply is not what the definition says. Handles
 * that come with anything but OK are closed.
 */
status_t interface_call(uint64_t service, struct message *message, uint64_t deadline,
                        uint64_t load);

/*
 * interface_handle() - a server's half for one request: check it (N1, N2), have it served, close handles if it failed (N3).
 * Returns the status to answer with; request->out then holds the words and what goes along with OK. *out_operation: which
 * it was, or NULL.
 */
status_t interface_handle(const struct interface_server *server, struct interface_request *request,
                          const struct interface_operation **out_operation);

/*
 * interface_answer() - reply to a caller that waits, whatever it takes: if the reply cannot be given it gets the reason. Handles to be
 * moved are closed if they could not be. Returns what the reply gave.
 */
status_t interface_answer(uint64_t mailbox, const struct message *reply);

/* interface_serve() - serve requests for ever; ends the process if the mailbox cannot be received from any more. */
_Noreturn void interface_serve(const struct interface_server *server);

/* interface_serve_one() - serve the next request, if one comes before the deadline: for those who have other things to do, too. OK;
 * what receiving it gives. */
status_t interface_serve_one(const struct interface_server *server, uint64_t deadline);
