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

static struct mutex lock;
static struct discipline discipline; /* under the lock */

#define SESSION_BADGE                                                                              \
    (1ull << 63) /* and its number; who has another badge is in the terminal's own */

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

/* Answers have the same shape when they carry nothing but an error. */
static void refuse(uint64_t token, status_t status)
{
    (void)terminal_read_bytes_answer(requests, token, status, NULL, 0);
}

static bool tell_signal(uint64_t token, enum terminal_signal signal, uint64_t time)
{
    return terminal_await_signal_answer(requests, token, OK, signal, time) == OK;
}

static const struct discipline_answers answers = {draw,   answer_line, answer_bytes,
                                                  refuse, clock_now,   tell_signal};

/* ---- requests ---- */

/* NULL: it has ended. */
static struct session *session_of(const struct interface_request *request)
{
    uint64_t badge = request->in.badge;

    return sessions_find(&discipline.sessions,
                         (badge & SESSION_BADGE) != 0 ? badge & ~SESSION_BADGE : 0);
}

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
    status_t status = ERR_PEER_CLOSED;

    if (prompt > texts_bytes ||
        (flags & ~(TERMINAL_GO_ON | TERMINAL_COMPLETE | TERMINAL_LISTENS)) != 0) {
        return ERR_BAD_ARGUMENT;
    }
    mutex_lock(&lock);
    struct session *session = session_of(request);
    if (session != NULL) {
        bool is_good = discipline_read_line(&discipline, session, request->in.token, flags, text,
                                            prompt, text + prompt, texts_bytes - prompt);
        status = is_good ? OK : ERR_BAD_ARGUMENT;
    }
    mutex_unlock(&lock);
    return status;
}

/* What all of one's session do with who waits. */
static status_t let_wait(const struct interface_request *request,
                         void (*wait)(struct discipline *, struct session *, uint64_t token))
{
    mutex_lock(&lock);
    struct session *session = session_of(request);
    if (session != NULL) {
        wait(&discipline, session, request->in.token);
    }
    mutex_unlock(&lock);
    return session != NULL ? OK : ERR_PEER_CLOSED;
}

status_t terminal_on_read_bytes(const struct interface_request *request)
{
    return let_wait(request, discipline_read_bytes);
}

status_t terminal_on_await_signal(const struct interface_request *request)
{
    return let_wait(request, discipline_listen);
}

static status_t share(uint64_t badge, uint64_t *out_terminal)
{
    return sys_handle_duplicate(program_handle("requests"),
                                RIGHT_MAILBOX_SEND | RIGHT_DUPLICATE | RIGHT_TRANSFER, badge,
                                out_terminal);
}

/* Who asks that is no session has just begun: jobs of the one before it are over. */
status_t terminal_on_share(const struct interface_request *request, uint64_t *out_terminal)
{
    uint64_t badge = request->in.badge;

    if ((badge & SESSION_BADGE) == 0) {
        mutex_lock(&lock);
        discipline_end_below(&discipline, session_of(request));
        mutex_unlock(&lock);
    }
    return share(badge, out_terminal);
}

status_t terminal_on_begin_session(const struct interface_request *request, uint64_t *out_session,
                                   uint64_t *out_terminal)
{
    mutex_lock(&lock);
    struct session *above = session_of(request);
    struct session *session = above != NULL ? sessions_add(&discipline.sessions, above) : NULL;
    status_t status = above == NULL ? ERR_PEER_CLOSED : session == NULL ? ERR_TABLE_FULL : OK;
    if (status == OK) {
        *out_session = session->number;
        status = share(SESSION_BADGE | session->number, out_terminal);
        if (status != OK) {
            discipline_end_session(&discipline, session);
        }
    }
    mutex_unlock(&lock);
    return status;
}

/* The caller's session and the one it means, which is below it. */
static status_t find_below(const struct interface_request *request, uint64_t number,
                           struct session **out_own, struct session **out_session)
{
    *out_own = session_of(request);
    if (*out_own == NULL) {
        return ERR_PEER_CLOSED;
    }
    *out_session = number == 0 ? *out_own : sessions_find(&discipline.sessions, number);
    if (*out_session == NULL) {
        return ERR_NOT_FOUND;
    }
    return sessions_is_below(*out_session, *out_own) ? OK : ERR_NO_RIGHTS;
}

status_t terminal_on_give(const struct interface_request *request, uint64_t number)
{
    struct session *own, *session;

    mutex_lock(&lock);
    status_t status = find_below(request, number, &own, &session);
    if (status == OK && !discipline_focus(&discipline, own, session)) {
        status = ERR_NO_RIGHTS;
    }
    mutex_unlock(&lock);
    return status;
}

status_t terminal_on_end_session(const struct interface_request *request, uint64_t number)
{
    struct session *own, *session;

    mutex_lock(&lock);
    status_t status = find_below(request, number, &own, &session);
    if (status == OK && session == own) {
        status = ERR_NO_RIGHTS;
    }
    if (status == OK) {
        discipline_end_session(&discipline, session);
    }
    mutex_unlock(&lock);
    return status;
}

status_t terminal_on_size(const struct interface_request *request, uint32_t *out_columns,
                          uint32_t *out_rows)
{
    (void)request;
    return device->size(out_columns, out_rows);
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
