/* SPDX-License-Identifier: MIT */
/*
 * serial: a serial port other than COM1, which is the kernel's (userspace/interfaces/serial.toml).
 *
 *   handles    system (ports, interrupts), requests
 *   arguments  port=com2|com3|com4
 *
 * What has been read is forgotten only when the reader has it: one that was killed meanwhile costs nothing.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gen/interface/lifecycle_server.h"
#include "gen/interface/serial_server.h"
#include "gen/syscall_user.h"
#include "kernel/abi/interrupt.h"
#include "userspace/drivers/uart/serial.h"
#include "userspace/lib/check.h"
#include "userspace/lib/mutex.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"

struct port {
    const char *name;
    unsigned first_port, line; /* ISA */
};
static const struct port ports[] = {{"com2", 0x2f8, 3}, {"com3", 0x3e8, 4}, {"com4", 0x2e8, 3}};

/* All under the lock. */
static struct mutex lock;
static struct condition has_room; /* in the buffer of what goes out */
static struct serial serial;
static uint64_t reader; /* token; 0: nobody waits */

static bool is_open;
static uint64_t requests, interrupt;

static void answer_reader(void)
{
    static char data[SERIAL_READ_DATA_MAX];
    uint64_t bytes = reader != 0 ? serial_peek(&serial, data, sizeof(data)) : 0;

    if (bytes == 0) {
        return;
    }
    if (serial_read_answer(requests, reader, OK, data, bytes) == OK) {
        serial_drop(&serial, bytes);
    }
    reader = 0;
}

status_t serial_on_read(const struct interface_request *request)
{
    if (!is_open) {
        return ERR_NOT_FOUND;
    }
    mutex_lock(&lock);
    if (reader != 0) {
        (void)serial_read_answer(requests, reader, ERR_BUSY, NULL, 0);
    }
    reader = request->in.token;
    answer_reader();
    mutex_unlock(&lock);
    return OK;
}

/* The port sends whatever happens, so room comes. */
status_t serial_on_write(const struct interface_request *request, const void *data,
                         uint64_t data_bytes)
{
    (void)request;
    if (!is_open) {
        return ERR_NOT_FOUND;
    }
    mutex_lock(&lock);
    for (uint64_t done = 0; done < data_bytes;) {
        done += serial_write(&serial, (const char *)data + done, data_bytes - done);
        if (done < data_bytes) {
            (void)condition_wait(&has_room, &lock, DEADLINE_FOREVER);
        }
    }
    mutex_unlock(&lock);
    return OK;
}

status_t serial_on_count(const struct interface_request *request, uint64_t *out_received,
                         uint64_t *out_sent, uint64_t *out_overruns, uint64_t *out_dropped)
{
    (void)request;
    if (!is_open) {
        return ERR_NOT_FOUND;
    }
    mutex_lock(&lock);
    *out_received = serial.in.end;
    *out_sent = serial.out.first;
    *out_overruns = serial.overruns;
    *out_dropped = serial.dropped;
    mutex_unlock(&lock);
    return OK;
}

static void serve_interrupts(void *argument)
{
    uint64_t count, cpu;

    (void)argument;
    for (;;) {
        mutex_lock(&lock);
        serial_serve(&serial); /* the first time: what came before raises no edge any more */
        answer_reader();
        condition_wake_all(&has_room);
        mutex_unlock(&lock);
        must(sys_interrupt_wait(interrupt, DEADLINE_FOREVER, &count, &cpu));
        must(sys_interrupt_acknowledge(interrupt));
    }
}

static const struct port *find_port(const char *name)
{
    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        if (strcmp(ports[i].name, name) == 0) {
            return &ports[i];
        }
    }
    return NULL;
}

static status_t open_port(void)
{
    const struct port *port = find_port(option_text("port", "com2"));
    uint64_t system = program_handle("system");

    if (port == NULL) {
        return ERR_BAD_ARGUMENT;
    }
    status_t status = sys_interrupt_create(system, port->line, INTERRUPT_ISA, 0, &interrupt);
    return status == OK ? serial_open(&serial, system, port->first_port) : status;
}

int main(int argc, char **argv)
{
    static char buffer[SERIAL_RECEIVES];
    static const struct interface *const interfaces[] = {&serial_interface, &lifecycle_interface};
    static struct thread server_of_interrupts;

    (void)argc;
    (void)argv;
    requests = program_handle("requests");
    const struct interface_server server = {requests, 2, interfaces, buffer, sizeof(buffer), NULL};
    status_t status = open_port();
    is_open = status == OK;
    if (is_open) {
        must(thread_start(&server_of_interrupts, serve_interrupts, NULL, THREAD_ANYWHERE,
                          "interrupts"));
    } else {
        report("no port %s: %s", option_text("port", "com2"), status_name(status));
    }
    interface_serve(&server);
}
