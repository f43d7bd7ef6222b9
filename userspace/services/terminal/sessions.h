/* SPDX-License-Identifier: MIT */
/*
 * Who may type: the sessions of a terminal.
 *
 * Several programs hold the same terminal, and one of them at a time has it: what is typed goes to that one's session. The first session is
 * the terminal's own. A shell makes one for each job and gives the terminal to it and takes it back, so that what a job in the background
 * reads waits, and does not take what was typed for another. A shell that is a job makes sessions below its own.
 *
 *   T1  A session passes the terminal on if it has it, or one below has it: nobody takes it who has not given it. What it says before
 *       counts when it gets it.
 *   T2  A session ends with the one above it. If it had the terminal, that one has it.
 *   T3  Ctrl-C and Ctrl-Z are told to the session that has the terminal if it listens, else to the one above; also if who listened
 *       there has ended, or has not come for the last one in SIGNAL_PATIENCE.
 *
 * Pure memory work; who uses it locks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/lib/terminal.h"

#define SESSIONS        24u
#define SIGNAL_PATIENCE 1000000000ull /* ns */
#define PROMPT_BYTES    128u          /* longest prompt and its NUL */

enum reader_kind { READER_NONE, READER_LINE, READER_BYTES };

struct reader {
    enum reader_kind kind;
    uint64_t token;
    uint32_t flags; /* of read_line */
    char prompt[PROMPT_BYTES];
};

struct session {
    uint64_t number;       /* 0: the terminal's own; never used again */
    struct session *above; /* NULL: the terminal's own, or a free place */
    struct session *heir;  /* gets the terminal in its place; NULL: it takes it itself */
    struct reader reader;
    bool listens;                /* has asked for signals, or said that it will */
    uint64_t listener;           /* token of who waits for the next one; 0: nobody */
    enum terminal_signal signal; /* the last one, of which it has not been told */
    uint64_t signal_time;        /* 0: there is none */
};

struct sessions {
    struct session table[SESSIONS]; /* the first is the terminal's own */
    struct session *current;        /* which has the terminal */
    uint64_t last_number;
};

void sessions_init(struct sessions *sessions);

/* sessions_find() - NULL: it has ended. */
struct session *sessions_find(struct sessions *sessions, uint64_t number);

/* sessions_add() - one below another; NULL: there are too many. */
struct session *sessions_add(struct sessions *sessions, struct session *above);

/* sessions_is_below() - a session is another one, or below it. */
bool sessions_is_below(const struct session *session, const struct session *other);

/* sessions_listener() - who is told of Ctrl-C and Ctrl-Z now (T3). */
struct session *sessions_listener(const struct sessions *sessions);
