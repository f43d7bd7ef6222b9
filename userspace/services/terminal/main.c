/* SPDX-License-Identifier: MIT */
/*
 * terminal: a person at a keyboard, for programs (userspace/interfaces/terminal.toml). discipline.h is the theory.
 *
 *   handles    console, requests; supervisor, to find input and screen
 *   arguments  device=serial|screen
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gen/interface/lifecycle_server.h"
#include "gen/interface/terminal_server.h"
#include "gen/objects.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/mutex.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/services/terminal/device.h"
#include "userspace/services/terminal/discipline.h"

static const struct terminal_device *device;
static uint64_t requests;

/* All under the lock. */
static struct mutex lock;
static struct discipline discipline;
static uint64_t interrupt_token; /* of who waits for Ctrl-C; 0: nobody */
static uint64_t interrupt_time;  /* of the last one, of which nobody has been told; 0: none */

/* ---- what the discipline says ---- */

static void draw(const char *text, size_t bytes)
{
    device->show(text, bytes);
}

static void answer_line(uint64_t token, const struct line_editor *editor, enum terminal_end end)
{
    (void)terminal_read_line_answer(requests, token, OK, editor->text, editor->length, end,
                                    editor->cursor, clock_now());
}

static bool answer_bytes(uint64_t token, const char *data, uint64_t bytes)
{
    return terminal_read_bytes_answer(requests, token, OK, data, bytes) == OK;
}

/* The two answers have the same shape when they carry nothing but an error. */
static void answer_busy(uint64_t token)
{
    (void)terminal_read_bytes_answer(requests, token, ERR_BUSY, NULL, 0);
}

static void tell_interrupt(void)
{
    if (interrupt_token != 0 && interrupt_time != 0) {
        if (terminal_await_interrupt_answer(requests, interrupt_token, OK, interrupt_time) == OK) {
            interrupt_time = 0;
        }
        interrupt_token = 0;
    }
}

static void take_interrupt(void)
{
    interrupt_time = clock_now();
    tell_interrupt();
}

static const struct discipline_answers answers = {draw, answer_line, answer_bytes, answer_busy,
                                                  take_interrupt};

/* ---- requests ---- */

status_t terminal_on_write(const struct interface_request *request, const void *text,
                           uint64_t text_bytes)
{
    (void)request;
    mutex_lock(&lock);
    discipline_write(&discipline, text, text_bytes);
    mutex_unlock(&lock);
    return OK;
}

status_t terminal_on_read_line(const struct interface_request *request, const void *texts,
                               uint64_t texts_bytes, uint32_t prompt, uint32_t flags)
{
    const char *text = texts;

    if (prompt > texts_bytes || (flags & ~(TERMINAL_GO_ON | TERMINAL_COMPLETE)) != 0) {
        return ERR_BAD_ARGUMENT;
    }
    mutex_lock(&lock);
    bool is_good = discipline_read_line(&discipline, request->in.token, flags, text, prompt,
                                        text + prompt, texts_bytes - prompt);
    mutex_unlock(&lock);
    return is_good ? OK : ERR_BAD_ARGUMENT;
}

status_t terminal_on_read_bytes(const struct interface_request *request)
{
    mutex_lock(&lock);
    discipline_read_bytes(&discipline, request->in.token);
    mutex_unlock(&lock);
    return OK;
}

status_t terminal_on_await_interrupt(const struct interface_request *request)
{
    mutex_lock(&lock);
    if (interrupt_token != 0) {
        (void)terminal_await_interrupt_answer(requests, interrupt_token, ERR_BUSY, 0);
    }
    interrupt_token = request->in.token;
    tell_interrupt();
    mutex_unlock(&lock);
    return OK;
}

status_t terminal_on_size(const struct interface_request *request, uint32_t *out_columns,
                          uint32_t *out_rows)
{
    (void)request;
    return device->size(out_columns, out_rows);
}

status_t terminal_on_share(const struct interface_request *request, uint64_t *out_terminal)
{
    return sys_handle_duplicate(program_handle("requests"),
                                RIGHT_MAILBOX_SEND | RIGHT_DUPLICATE | RIGHT_TRANSFER,
                                request->in.badge, out_terminal);
}

static void read_device(void *argument)
{
    char data[DEVICE_READ_BYTES];
    uint64_t bytes;
    status_t status;

    (void)argument;
    while ((status = device->read(data, &bytes)) == OK) {
        mutex_lock(&lock);
        discipline_type(&discipline, data, bytes);
        mutex_unlock(&lock);
    }
    die("nothing can be typed any more: %s", status_name(status)); /* the next one begins anew */
}

int main(int argc, char **argv)
{
    static char buffer[TERMINAL_RECEIVES];
    static const struct interface *const interfaces[] = {&terminal_interface, &lifecycle_interface};
    static struct thread reader;

    (void)argc;
    (void)argv;
    requests = program_handle("requests");
    device =
        strcmp(option_text("device", "serial"), "screen") == 0 ? &screen_device : &serial_device;
    const struct interface_server server = {requests, 2, interfaces, buffer, sizeof(buffer), NULL};
    status_t status = device->open();
    if (status != OK) {
        report("no terminal: %s", status_name(status));
        return 0; /* ended well: started again it would find the same */
    }
    discipline_init(&discipline, &answers);
    must(thread_start(&reader, read_device, NULL, THREAD_ANYWHERE, "keyboard"));
    interface_serve(&server);
}
