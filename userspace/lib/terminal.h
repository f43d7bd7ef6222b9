/* SPDX-License-Identifier: MIT */
/* What clients and servers of terminals agree on (userspace/interfaces/terminal.toml). */
#pragma once

/* Flags of read_line. */
#define TERMINAL_GO_ON    1u /* with the line that was given back for completion */
#define TERMINAL_COMPLETE 2u /* Tab gives the line back; without it Tab does nothing */
#define TERMINAL_LISTENS  4u /* the session comes for Ctrl-C and Ctrl-Z (await_signal) */

/* What is typed for a program, not for who reads. */
enum terminal_signal {
    TERMINAL_INTERRUPT, /* Ctrl-C: end */
    TERMINAL_STOP,      /* Ctrl-Z: stand still */
};

/* How a line came to its end. */
enum terminal_end {
    TERMINAL_LINE,
    TERMINAL_TAB,       /* not finished: the client may complete it and go on */
    TERMINAL_CANCELLED, /* Ctrl-C */
    TERMINAL_END,       /* Ctrl-D in an empty line: no more input */
};
