/* SPDX-License-Identifier: MIT */
/*
 * Bytes out and in (terminal.h).
 *
 * While a command prints, the chip's input FIFO (16 bytes) would overflow and ^C go unseen. So
 * every few characters of output the input is polled into a small queue. A script that types
 * faster than commands run keeps its bytes; what does not fit is lost, as on any line without
 * flow control.
 *
 * ^C and the like end the command that prints. One that comes when it prints no more must not be forgotten with it: a breakpoint whose
 * commands say "continue" gives no prompt of its own. So a call stays until a prompt, which answers it, closes.
 */
#include "kdebug/core/terminal.h"

#include "arch/serial.h"

#define AHEAD_BYTES 1024u /* power of two */
#define POLL_INTERVAL                                                                              \
    8u /* characters; less than the chip's 16 bytes, both directions run at the same speed */
#define CTRL_C 3
#define BREAK  0

static const struct kd_line *wire;
static unsigned char ahead[AHEAD_BYTES];
static unsigned ahead_in, ahead_out;
static unsigned since_poll;
static void (*redirected)(char c);
static void (*tap)(char c), (*filter)(char c);
static bool is_watching, interrupted, is_closed;
static bool is_called; /* and no prompt has been there since */

void kd_terminal_use(const struct kd_line *line)
{
    wire = line;
    redirected = tap = filter = NULL;
    ahead_in = ahead_out = since_poll = 0;
    is_watching = interrupted = is_closed = is_called = false;
}

void kd_terminal_watch(bool on)
{
    is_watching = on;
    interrupted = false;
}

static void poll_input(void)
{
    int byte;
    while ((byte = wire->get()) >= 0) {
        if (is_watching && (byte == CTRL_C || byte == BREAK || byte == SERIAL_ESCAPE)) {
            interrupted = is_called = true;
            ahead_out = ahead_in;
        } else if (ahead_in - ahead_out < AHEAD_BYTES) {
            ahead[ahead_in++ % AHEAD_BYTES] = (unsigned char)byte;
        }
    }
}

/* Polled before the character goes out, so that who answers to the last one of a line finds us
 * done with polling. */
void kd_terminal_pass(char c)
{
    if (!is_closed && ++since_poll >= POLL_INTERVAL) {
        since_poll = 0;
        poll_input();
    }
    if (redirected != NULL) {
        redirected(c);
        return;
    }
    if (c == '\n') {
        wire->put('\r');
    }
    wire->put(c);
}

void kd_terminal_put(char c)
{
    if (tap != NULL) {
        tap(c);
    }
    if (filter != NULL) {
        filter(c);
    } else {
        kd_terminal_pass(c);
    }
}

void kd_terminal_raw(char c)
{
    wire->put(c);
}

void kd_terminal_redirect(void (*put)(char c))
{
    redirected = put;
}

void kd_terminal_tap(void (*see)(char c))
{
    tap = see;
}

void kd_terminal_filter(void (*take)(char c))
{
    filter = take;
}

bool kd_terminal_is_filtered(void)
{
    return filter != NULL;
}

void kd_terminal_close(void)
{
    is_closed = true;
    is_called = false;
}

void kd_terminal_reopen(void)
{
    is_closed = false;
}

void kd_terminal_write(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        kd_terminal_put(text[i]);
    }
}

int kd_terminal_get(void)
{
    if (ahead_out == ahead_in) {
        return wire->get();
    }
    unsigned char *slot = &ahead[ahead_out++ % AHEAD_BYTES], byte = *slot;
    *slot = 0; /* it may be of a passphrase */
    return byte;
}

bool kd_terminal_is_waiting(void)
{
    return ahead_out != ahead_in || is_called;
}

bool kd_terminal_give_back(void (*take)(uint8_t byte))
{
    bool is_any = ahead_out != ahead_in;
    while (ahead_out != ahead_in) {
        take(ahead[ahead_out++ % AHEAD_BYTES]);
    }
    return is_any;
}

bool kd_terminal_interrupted(void)
{
    bool was = interrupted;
    interrupted = false;
    return was;
}

bool kd_terminal_is_called(void)
{
    kd_terminal_watch(true);
    poll_input();
    kd_terminal_watch(false);
    return is_called;
}
