/* SPDX-License-Identifier: MIT */
/*
 * tracer: ships the trace rings to the host while the system runs.
 *
 * Three threads. The main one serves the mailbox and owns all state, so there are no locks. The
 * others turn what happens into messages: one waits in trace_wait() until sub-buffers have been
 * finished, one for the interrupt of the port.
 *
 *     recorder --trace_wait-----> waiter --TRACER_FINISHED--> main --blocks--> host
 *     port     --interrupt_wait-> listener -TRACER_INPUT----> main <--lines--- host
 *     init     ------------------------------TRACER_END-----> main
 *
 * All are exempt from the trace but for switches and wake-ups: what they do for a sub-buffer adds
 * far less than a sub-buffer, so the system comes to rest. A port without interrupts (COM2) is
 * looked at after each message and otherwise at intervals that grow to POLL_MAX.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen/interface/lifecycle.h"
#include "gen/objects.h"
#include "kernel/abi/memory.h"
#include "kernel/abi/trace.h"
#include "userspace/drivers/uart/uart.h"
#include "userspace/drivers/virtio_console/virtio_console.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/message.h"
#include "userspace/lib/option.h"
#include "userspace/lib/service.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/services/tracer/command.h"
#include "userspace/services/tracer/consumer.h"
#include "userspace/services/tracer/protocol.h"

#define POLL_MIN (20 * NS_PER_MS)
#define POLL_MAX (1 * NS_PER_S)

static struct consumer consumer;
static struct command_reader reader;
static struct thread waiter, listener;
static uint64_t trace;    /* rights control, read */
static uint64_t requests; /* rights receive, send */

static void exempt_thread(void)
{
    uint64_t first, second;

    must(sys_trace_control(trace, TRACE_CONTROL_EXEMPT, 1, &first, &second));
}

/* ---- the waiter ---- */

static void wait_for_subbufs(void *unused)
{
    struct message message = {.label = TRACER_FINISHED};
    uint64_t seen = 0;

    (void)unused;
    exempt_thread();
    for (;;) {
        must(sys_trace_wait(trace, seen, DEADLINE_FOREVER, &seen));
        message = (struct message){.label = TRACER_FINISHED, .word = {seen}};
        must(message_call(requests, &message, DEADLINE_FOREVER));
    }
}

/* ---- the listener ---- */

/*
 * Acknowledged before the message: what comes while main reads raises the interrupt again, so
 * nothing is left lying.
 */
static void listen_to_port(void *argument)
{
    uint64_t interrupt = *(const uint64_t *)argument, count, cpu;

    exempt_thread();
    for (;;) {
        struct message message = {.label = TRACER_INPUT};

        must(sys_interrupt_wait(interrupt, DEADLINE_FOREVER, &count, &cpu));
        must(sys_interrupt_acknowledge(interrupt));
        must(message_call(requests, &message, DEADLINE_FOREVER));
    }
}

/* ---- the port ---- */

static struct transport *open_virtio(uint64_t system, status_t *out_status)
{
    static struct virtio_console console;

    *out_status = virtio_console_open(&console, system);
    return *out_status == OK ? &console.transport : NULL;
}

static struct transport *open_com2(uint64_t system, status_t *out_status)
{
    static struct uart uart;

    *out_status = uart_open(&uart, system, UART_COM2);
    return *out_status == OK ? &uart.transport : NULL;
}

static struct transport *open_port(const char *wanted)
{
    uint64_t system = program_handle("system");
    struct transport *transport = NULL;
    status_t virtio = ERR_NOT_FOUND, com2 = ERR_NOT_FOUND;

    if (strcmp(wanted, "com2") != 0) {
        transport = open_virtio(system, &virtio);
    }
    if (transport == NULL && strcmp(wanted, "virtio") != 0) {
        transport = open_com2(system, &com2);
    }
    if (transport == NULL) {
        printf("tracer: no port to capture through (virtio console: %s, COM2: %s)\n",
               status_name(virtio), status_name(com2));
    }
    return transport;
}

/* The recorder writes into the trace how far behind we are. */
static void tell_progress(unsigned lane, uint64_t position)
{
    uint64_t first, second;

    (void)sys_trace_control(trace, TRACE_CONTROL_CONSUMED,
                            (uint64_t)lane << TRACE_CONSUMED_SHIFT |
                                (position & TRACE_CONSUMED_POSITION),
                            &first, &second);
}

/* False: this machine has no trace region. */
static bool open_region(struct transport *transport)
{
    uint64_t physical, bytes, area, address;

    must(sys_trace_control(trace, TRACE_CONTROL_INFO, 0, &physical, &bytes));
    if (bytes == 0) {
        printf("tracer: there is no trace region\n");
        return false;
    }
    must(sys_trace_map(trace, &area));
    must(sys_area_map(program.self, area, 0, bytes, 0, PROT_READ, &address));
    must(sys_handle_close(area));
    must(consumer_open(&consumer, (const void *)address, bytes, physical, transport));
    consumer.progress = tell_progress;
    return true;
}

/* ---- requests ---- */

static void set_categories(uint64_t mask)
{
    uint64_t first, second;

    mask = trace_with_threads(mask);
    (void)sys_trace_control(trace, TRACE_CONTROL_DISABLE, ~mask, &first, &second);
    (void)sys_trace_control(trace, TRACE_CONTROL_ENABLE, mask, &first, &second);
}

/* Whether times of different cores can be compared goes into the capture. */
static void look_at_clocks(void)
{
    uint64_t first, second;

    (void)sys_trace_control(trace, TRACE_CONTROL_CLOCKS, 0, &first, &second);
}

/* What programs have written so far goes into the rings, and from there with the rest. */
static void collect(void)
{
    uint64_t first, second;

    look_at_clocks();
    (void)sys_trace_control(trace, TRACE_CONTROL_COLLECT, 0, &first, &second);
}

static void begin_session(const struct command *command)
{
    if (command->has_mask) {
        set_categories(command->mask);
    }
    if (!consumer.in_session) {
        look_at_clocks();
        (void)consumer_begin(&consumer, command->kind == COMMAND_DUMP);
        (void)consumer_ship(&consumer);
    }
}

static void obey(const struct command *command)
{
    switch (command->kind) {
    case COMMAND_START:
    case COMMAND_DUMP:
        begin_session(command);
        break;
    case COMMAND_FLUSH:
        collect();
        (void)consumer_flush(&consumer);
        break;
    case COMMAND_STOP:
        collect();
        (void)consumer_end(&consumer);
        break;
    case COMMAND_NONE:
        break;
    }
}

/* True if something came. */
static bool look_for_commands(void)
{
    char bytes[64];
    struct command command;
    unsigned got = consumer.transport->receive(consumer.transport, bytes, sizeof(bytes));

    for (unsigned i = 0; i < got; i++) {
        if (command_add(&reader, bytes[i], &command)) {
            obey(&command);
        }
    }
    return got > 0;
}

static status_t stop(const struct message *request)
{
    if (request->badge != BADGE_SUPERVISOR) {
        return ERR_NO_RIGHTS;
    }
    collect();
    (void)consumer_end(&consumer);
    exit(0);
}

static status_t serve(struct message *request)
{
    switch (message_label(request)) {
    case TRACER_FINISHED:
        return consumer_ship(&consumer);
    case TRACER_INPUT:
        return OK; /* main looks at the port after each message */
    case TRACER_FLUSH:
        collect();
        return consumer_flush(&consumer);
    case TRACER_END:
        collect();
        return consumer_end(&consumer);
    case LIFECYCLE_STOP:
        return stop(request);
    default:
        return ERR_NOT_SUPPORTED;
    }
}

/* Answer the request that the message came with, if it is one, and wait for the next; with poll not 0 for so long. */
static status_t next_request(struct message *message, uint64_t poll)
{
    bool is_request = message->token != 0; /* else it was sent one way, or nothing came */

    if (is_request && poll == 0) {
        return message_reply_receive(requests, message);
    }
    if (is_request) {
        must(message_reply(requests, message));
    }
    *message = (struct message){0};
    return message_receive(requests, message, poll == 0 ? DEADLINE_FOREVER : clock_now() + poll);
}

static _Noreturn void serve_requests(void)
{
    bool polls = consumer.transport->interrupt == HANDLE_NONE;
    uint64_t poll = polls ? POLL_MIN : 0;
    struct message message = {0};

    for (;;) {
        status_t status = next_request(&message, poll);
        bool is_busy = status == OK;
        if (status == OK) {
            message = (struct message){.token = message.token, .label = (uint32_t)serve(&message)};
        } else if (status == ERR_TIMED_OUT) {
            message = (struct message){0};
        } else {
            check_failed(status, "message_receive");
        }
        while (look_for_commands()) {
            is_busy = true;
        }
        if (polls) {
            poll = is_busy ? POLL_MIN : poll * 2 < POLL_MAX ? poll * 2 : POLL_MAX;
        }
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    trace = program_handle("trace");
    requests = program_handle("requests");
    exempt_thread();
    struct transport *transport = open_port(option_text("port", "auto"));
    if (transport == NULL || !open_region(transport)) {
        return 0;
    }
    look_at_clocks();
    must(consumer_begin(&consumer, true));
    report("capturing through the %s", transport->name);
    must(consumer_ship(&consumer));
    must(thread_start(&waiter, wait_for_subbufs, NULL, THREAD_ANYWHERE, "tracer waiter"));
    if (transport->interrupt != HANDLE_NONE) {
        must(thread_start(&listener, listen_to_port, &transport->interrupt, THREAD_ANYWHERE,
                          "tracer listener"));
    }
    serve_requests();
}
