/* SPDX-License-Identifier: MIT */
/*
 * The line to the person: bytes out, bytes in, ^C and BREAK while something else runs.
 *
 * The line itself is two functions, so that host tests and later other wires can take its place.
 */
#pragma once

#include "base/types.h"

struct kd_line {
    void (*put)(char c);
    int (*get)(void); /* poll one byte, -1: none */
};

/* kd_terminal_use() - talk over this line from now on, with nothing typed ahead. */
void kd_terminal_use(const struct kd_line *line);

/* kd_terminal_put() - one character; '\n' becomes CR LF. Looks for typed bytes now and then,
 * keeps them for later. */
void kd_terminal_put(char c);
void kd_terminal_write(const char *text, size_t bytes);

/* kd_terminal_raw() - one byte as it is. kd_terminal_redirect() - let this have what kd_terminal_put()
 * is given, instead of the line; NULL: the line again. */
void kd_terminal_raw(char c);
void kd_terminal_redirect(void (*put)(char c));

/* kd_terminal_tap() - show this each character that is given to kd_terminal_put(), wherever it goes; NULL: none. */
void kd_terminal_tap(void (*see)(char c));

/* kd_terminal_filter() - give this each character instead of sending it; NULL: none. It sends what it likes by kd_terminal_pass(). */
void kd_terminal_filter(void (*take)(char c));
void kd_terminal_pass(char c);
bool kd_terminal_is_filtered(void);

/* kd_terminal_get() - the next typed byte, -1: none yet. */
int kd_terminal_get(void);

/* kd_terminal_is_waiting() - something was typed while we printed, perhaps a BREAK that the end of a line has come before. */
bool kd_terminal_is_waiting(void);

/*
 * kd_terminal_close() - from now on only write: what comes in is for whoever reads the line after
 * us. So a BREAK that follows closely on "continue" breaks in again. Who called until now has had an answer.
 */
void kd_terminal_close(void);

/* kd_terminal_reopen() - the same talk goes on after all, with what was typed ahead. */
void kd_terminal_reopen(void);

/* kd_terminal_give_back() - hand over what was typed ahead and nobody has read. False: nothing. */
bool kd_terminal_give_back(void (*take)(uint8_t byte));

/*
 * kd_terminal_watch() - take ^C, BREAK (a NUL) and the escape byte out of the typed bytes, for kd_terminal_interrupted(). Off
 * while a line is being edited: there ^C has its place among the other keys.
 */
void kd_terminal_watch(bool on);

/* kd_terminal_interrupted() - one of these came since the last call; what was typed before it is
 * forgotten. */
bool kd_terminal_interrupted(void);

/* kd_terminal_is_called() - look at the line, without output: has one of these come, now or since the last prompt? */
bool kd_terminal_is_called(void);
