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

/* kd_remote_show_processes() - from its next look at the threads on, until it leaves, gdb sees each process that is there now
 * with its threads, too, if it can. It reads their programs from us, which may take a minute; and were one to appear with a
 * stop, gdb 13 would forget which thread has stopped. */
void kd_remote_show_processes(bool on);
bool kd_remote_shows_processes(void);

/* kd_remote_show_libraries() - until it leaves, gdb sees the program of the selected thread as a library of the kernel's
 * process. Not unless asked for: gdb reads it from us at once, which takes seconds on a line. */
void kd_remote_show_libraries(bool on);
bool kd_remote_shows_libraries(void);

/* Why the machine stands still. */
struct kd_remote_stop {
    unsigned cpu;
    uint8_t signal;         /* POSIX number as gdb wants it */
    bool is_user;           /* a breakpoint or step in user code: its process' affair */
    const char *breakpoint; /* "swbreak", "hwbreak", NULL: none */
    const char *watch;      /* "watch", "awatch", NULL: no watchpoint */
    uint64_t watch_address;
};

/* kd_remote_stopped() - tell gdb that, and remember it for "?". */
void kd_remote_stopped(const struct kd_remote_stop *stop, bool tell);

/* kd_remote_condition_holds() - of a breakpoint of gdb's that this core has run into. */
struct kd_agent_code;
bool kd_remote_condition_holds(const struct kd_agent_code *condition, unsigned cpu);

/* kd_remote_commands_run() - those of such a breakpoint. True: there are some, and they have been done, so the machine goes on. */
bool kd_remote_commands_run(const struct kd_agent_code *commands, unsigned cpu);

/* kd_remote_serve() - answer gdb until it lets the machine go on (the session is over then) or
 * detaches. @idle is called while nothing comes. */
void kd_remote_serve(void (*idle)(void));
