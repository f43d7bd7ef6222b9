/* SPDX-License-Identifier: MIT */
/*
 * gdb's remote protocol on the line of the prompt.
 *
 * gdb is recognised at the prompt by how it begins ("+$q"). From then on it is asked at every stop
 * instead of a person, until it detaches; then the prompt is back. Between stops the line carries
 * the kernel's log, which gdb skips, and ^C breaks in.
 */
#pragma once

#include "base/types.h"

/* kd_remote_begins() - a byte at the start of a line; is it, or may it become, gdb? 0: no, -1:
 * perhaps, hold it back, 1: yes. */
int kd_remote_begins(unsigned char byte);

bool kd_remote_is_attached(void);

/* Why the machine stands still. */
struct kd_remote_stop {
    unsigned cpu;
    uint8_t signal;     /* POSIX number as gdb wants it */
    bool is_breakpoint; /* of the kind that gdb asked for with Z0 */
    const char *watch;  /* "watch", "awatch", NULL: no watchpoint */
    uint64_t watch_address;
};

/* kd_remote_stopped() - tell gdb that, and remember it for "?". */
void kd_remote_stopped(const struct kd_remote_stop *stop, bool tell);

/* kd_remote_serve() - answer gdb until it lets the machine go on (the session is over then) or
 * detaches. @idle is called while nothing comes. */
void kd_remote_serve(void (*idle)(void));
