/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the gdb stub share: the packet that came, the answer that grows, and the little that is kept about gdb.
 *
 * A part serves packets by functions of the type kd_remote_serve_fn: `at` is the packet behind what has chosen the function;
 * the answer is empty before, and what is left in it goes back to gdb. They may kd_fail(): that is an error answer.
 */
#pragma once

#include "kdebug/core/remote.h"
#include "kdebug/remote/packet.h"
#include "kdebug/remote/thread.h"

#define KD_REMOTE_CHUNK 4000u /* bytes of memory looked at in one go */

struct kd_remote {
    struct kd_packet received, answer;
    struct kd_remote_stop stop;   /* the latest */
    struct kd_remote_id selected; /* thread of g, m, Z and the like */
    bool is_attached;
    bool acknowledges;     /* until QStartNoAckMode */
    bool is_leaving;       /* the machine goes on; no answer now */
    bool is_multiprocess;  /* gdb knows several processes */
    uint32_t newest_shown; /* it is to see processes up to this one; 0: none */
    bool shows_libraries;  /* it is to see the selected thread's program as a library */
    bool has_description;  /* gdb has read our description of registers */
};
extern struct kd_remote kd_remote;

typedef void (*kd_remote_serve_fn)(const char *at);

/* kd_remote_say() - the answer is this. kd_remote_say_id() - append a thread's name to it. */
void kd_remote_say(const char *text);
void kd_remote_say_id(struct kd_remote_id id);

/* kd_remote_tell() - text for gdb's console, at a stop or in place of one. Cannot raise. */
void kd_remote_tell(const char *text, size_t bytes);

/* kd_remote_hold() - gdb has been told of this one's process, and will let go of it before it leaves. kd_remote_say_id() does it, too. */
void kd_remote_hold(struct kd_remote_id id);

/* kd_remote_accept() - take this text off the packet. kd_remote_take_range() - take "address,length" off it. */
bool kd_remote_accept(const char **at, const char *text);
bool kd_remote_take_range(const char **at, uint64_t *out_address, uint64_t *out_length);

/* The thread that the latest stop is about. */
struct kd_remote_id kd_remote_stopped_id(void);

/* ---- registers and memory: data.c ---- */
void kd_remote_read_all(const char *at);
void kd_remote_read_one(const char *at);
void kd_remote_write_all(const char *at);
void kd_remote_write_one(const char *at);
void kd_remote_read_memory(const char *at);
void kd_remote_read_binary(const char *at);
void kd_remote_write_memory(const char *at);
void kd_remote_write_binary(const char *at);
void kd_remote_check_memory(const char *at);  /* qCRC: */
void kd_remote_search_memory(const char *at); /* qSearch:memory: */

/* ---- breakpoints: break.c ---- */
void kd_remote_change_break(const char *at);
/* kd_remote_forget_breaks() - gdb goes: its breakpoints with it. */
void kd_remote_forget_breaks(void);

/* ---- what commands of a breakpoint say: print.c ---- */

/* kd_remote_print() - as printf() does, on gdb's console. Text that an argument points to is read by read_memory. */
void kd_remote_print(const char *format, const uint64_t *arguments, unsigned count,
                     bool (*read_memory)(uint64_t address, void *to, size_t bytes));

/* ---- going on: resume.c ---- */
void kd_remote_resume(const char *at);         /* c C s S */
void kd_remote_resume_threads(const char *at); /* vCont; */
void kd_remote_go_on(void);

/* ---- documents: transfer.c ---- */
void kd_remote_transfer(const char *at); /* qXfer: */

/* ---- files: file.c ---- */
void kd_remote_serve_file(const char *at); /* vFile: */
