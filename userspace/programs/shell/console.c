/* SPDX-License-Identifier: MIT */
/* See console.h. A terminal that has ended is looked for again: its next one begins with an empty line. */
#include "userspace/programs/shell/console.h"

#include <stdio.h>
#include <string.h>

#include "gen/interface/terminal_client.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"
#include "userspace/lib/mutex.h"
#include "userspace/lib/start.h"
#include "userspace/lib/stream.h"
#include "userspace/lib/terminal.h"
#include "userspace/programs/shell/complete.h"

#define PATIENCE (20 * NS_PER_S) /* for a terminal that is being started again */
#define RETRY    (50 * NS_PER_MS)

static const char *name;   /* of the terminal's service; NULL: it was given */
static uint64_t line_time; /* when the last line ended */
static uint64_t terminal;  /* may be passed on */
static unsigned attachments;
static struct mutex mutex; /* of finding it again */

/* What find gives cannot be passed on; what the terminal itself gives can. */
static status_t attach(void)
{
    uint64_t found, shared;
    uint64_t deadline = clock_now() + PATIENCE;
    status_t status = service_find(name, deadline, &found);

    if (status != OK) {
        return status;
    }
    status = terminal_share(found, deadline, &shared);
    (void)sys_handle_close(found);
    if (status == OK) {
        uint64_t old = terminal;
        terminal = shared;
        attachments++;
        stream_set_terminal(terminal);
        if (old != HANDLE_NONE) {
            (void)sys_handle_close(old);
        }
    }
    return status;
}

/* Two threads may find out at once. */
static status_t attach_again(uint64_t lost)
{
    status_t status = OK;

    if (name == NULL) {
        return ERR_PEER_CLOSED;
    }
    mutex_lock(&mutex);
    while (terminal == lost && (status = attach()) == ERR_PEER_CLOSED) {
        clock_sleep(RETRY);
    }
    mutex_unlock(&mutex);
    return status;
}

status_t console_open(const char *service)
{
    name = service;
    if (service != NULL) {
        return attach();
    }
    terminal = stream_kind(STREAM_INPUT) == 't' ? program_handle("input") : HANDLE_NONE;
    return OK;
}

bool console_is_person(void)
{
    return terminal != HANDLE_NONE;
}

/* ---- jobs ---- */

void console_begin_session(struct console_session *out)
{
    mutex_lock(&mutex); /* the other thread may be about to find another terminal */
    uint64_t at = terminal;
    *out = (struct console_session){.attachment = attachments};
    mutex_unlock(&mutex);
    if (at != HANDLE_NONE &&
        terminal_begin_session(at, DEADLINE_FOREVER, &out->number, &out->terminal) != OK) {
        out->terminal = HANDLE_NONE;
    }
}

static bool is_known(const struct console_session *session)
{
    return session->terminal != HANDLE_NONE && session->attachment == attachments;
}

/* A terminal that has ended in between has forgotten all of it. */
void console_end_session(struct console_session *session)
{
    if (is_known(session)) {
        (void)terminal_end_session(terminal, session->number, DEADLINE_FOREVER);
    }
    if (session->terminal != HANDLE_NONE) {
        (void)sys_handle_close(session->terminal);
        session->terminal = HANDLE_NONE;
    }
}

void console_give(const struct console_session *session)
{
    if (terminal != HANDLE_NONE && (session == NULL || is_known(session))) {
        (void)terminal_give(terminal, session != NULL ? session->number : 0, DEADLINE_FOREVER);
    }
}

/* ---- a person ---- */

/* The other thread may have noticed before us, and closed the old handle. */
static bool is_lost(status_t status, uint64_t at)
{
    return status == ERR_PEER_CLOSED || (status == ERR_BAD_HANDLE && terminal != at);
}

/* With the prompt and what completion has to type: one piece of a line, up to Enter or Tab. */
static status_t read_part(const char *prompt, const char *insert, bool goes_on,
                          char line[SHELL_LINE_BYTES], uint32_t *end, uint32_t *cursor)
{
    char texts[TERMINAL_READ_LINE_TEXTS_MAX];
    uint64_t bytes = 0, at = terminal;
    size_t prompt_bytes = strlen(prompt);

    snprintf(texts, sizeof(texts), "%s%s", prompt, insert);
    status_t status = terminal_read_line(
        at, texts, strlen(texts), (uint32_t)prompt_bytes,
        TERMINAL_COMPLETE | TERMINAL_LISTENS | (goes_on ? TERMINAL_GO_ON : 0), DEADLINE_FOREVER,
        line, TERMINAL_READ_LINE_LINE_MAX, &bytes, end, cursor, &line_time);
    line[status == OK ? bytes : 0] = '\0';
    if (is_lost(status, at)) {
        status = attach_again(at);
        *end = TERMINAL_CANCELLED;
    }
    if (status == ERR_BUSY) { /* somebody else reads: when he is through it is our turn */
        clock_sleep(RETRY);
        *end = TERMINAL_CANCELLED;
        status = OK;
    }
    return status;
}

static status_t read_typed(const char *prompt, char line[SHELL_LINE_BYTES])
{
    char insert[COMPLETION_BYTES] = "";
    uint32_t end = TERMINAL_TAB, cursor;
    bool goes_on = false;

    while (end == TERMINAL_TAB) {
        status_t status = read_part(prompt, insert, goes_on, line, &end, &cursor);
        if (status != OK) {
            return status;
        }
        if (end == TERMINAL_TAB) {
            complete(line, cursor, insert);
            goes_on = true;
        }
    }
    if (end == TERMINAL_END) {
        return ERR_PEER_CLOSED;
    }
    if (end == TERMINAL_CANCELLED) {
        line[0] = '\0';
    }
    return OK;
}

/* ---- a script ---- */

static char buffer[512];
static size_t buffer_first, buffer_end;
static bool is_over;

/* -1: the end. */
static int next_letter(void)
{
    if (buffer_first == buffer_end && !is_over) {
        buffer_first = buffer_end = 0;
        is_over =
            stream_read(STREAM_INPUT, buffer, sizeof(buffer), &buffer_end) != OK || buffer_end == 0;
    }
    return buffer_first < buffer_end ? (unsigned char)buffer[buffer_first++] : -1;
}

static status_t read_script(char line[SHELL_LINE_BYTES])
{
    unsigned length = 0;
    int letter = next_letter();

    if (letter < 0) {
        return ERR_PEER_CLOSED;
    }
    for (; letter >= 0 && letter != '\n'; letter = next_letter()) {
        if (length < SHELL_LINE_BYTES) {
            line[length++] = (char)letter;
        }
    }
    if (length == SHELL_LINE_BYTES) {
        line[0] = '\0';
        return ERR_TOO_BIG;
    }
    line[length] = '\0';
    return OK;
}

status_t console_line(const char *prompt, char line[SHELL_LINE_BYTES])
{
    return console_is_person() ? read_typed(prompt, line) : read_script(line);
}

uint64_t console_line_time(void)
{
    return line_time;
}

status_t console_await_signal(enum terminal_signal *out_signal, uint64_t *out_time)
{
    uint32_t signal = 0;

    for (;;) {
        uint64_t at = terminal;
        status_t status = terminal_await_signal(at, DEADLINE_FOREVER, &signal, out_time);

        if (is_lost(status, at)) {
            status = attach_again(at);
            if (status == OK) {
                continue;
            }
        }
        *out_signal = signal;
        return status;
    }
}
