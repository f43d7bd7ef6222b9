/* SPDX-License-Identifier: MIT */
/*
 * Threads as gdb sees them.
 *
 * The kernel is process KD_REMOTE_KERNEL. All threads are its threads, with the registers they have in the kernel, and so
 * are the idle loops. If gdb is to see processes ("monitor gdb processes on"), each thread of one is there a second time,
 * under its own process and with its user registers: the same stack is seen from both sides, each with its own symbols.
 * But not those of a process whose program is in no file: gdb would take it for one of another architecture.
 */
#pragma once

#include "kdebug/core/files.h"
#include "kdebug/remote/packet.h"
#include "sched/thread.h"

#define KD_REMOTE_KERNEL 1u        /* no process has this id: it is given out before the first */
#define KD_REMOTE_IDLE   0x100000u /* thread id of a core's idle loop: this + core */
#define KD_REMOTE_ANY    0u

struct kd_remote_id {
    uint32_t pid;
    uint32_t tid;
};

/* kd_remote_put_id() / kd_remote_take_id() - "p1.b", or "b" for a gdb that knows one process only. "-1" and "0" are read as
 * KD_REMOTE_ANY. False: it is none. */
void kd_remote_put_id(struct kd_packet *out, struct kd_remote_id id, bool is_multiprocess);
bool kd_remote_take_id(const char **at, struct kd_remote_id *out);

/* kd_remote_id_of() - what a core runs, as its process sees it, if it has one that is no newer than that; else as the
 * kernel does. */
struct kd_remote_id kd_remote_id_of(unsigned cpu, uint32_t newest);

/* kd_remote_newest_process() - the highest process id: they are never reused. */
uint32_t kd_remote_newest_process(void);

/* kd_remote_id_exists() - is there such a thread? */
bool kd_remote_id_exists(struct kd_remote_id id);

/* kd_remote_program() - the file that a thread of a process executes: its code is mapped out of the boot image, or, as the
 * first program's, was copied out of the file of that name. False: none. */
bool kd_remote_program(const struct thread *copy, struct kd_file *out);

/* kd_remote_each_id() - all, the kernel's first; those of processes up to `newest`. `copy` is NULL for an idle loop. */
typedef void (*kd_remote_visit_fn)(struct kd_remote_id id, const struct thread *copy,
                                   void *context);
void kd_remote_each_id(uint32_t newest, kd_remote_visit_fn visit, void *context);

/* kd_remote_describe() - process and name; kd_remote_state() - what it does. Of a thread that kd_remote_each_id() showed. */
void kd_remote_describe(struct kd_remote_id id, const struct thread *copy, char *to, size_t bytes);
void kd_remote_state(struct kd_remote_id id, const struct thread *copy, char *to, size_t bytes);

/* kd_remote_thread_copy() - of a thread by its id. False: there is none, as for an idle loop. */
bool kd_remote_thread_copy(struct kd_remote_id id, struct thread *out);

/* kd_remote_cpu() - the core that runs a thread, -1: none. */
int kd_remote_cpu(struct kd_remote_id id);

/* kd_remote_space() - what an address means to a thread. */
uint64_t kd_remote_space(struct kd_remote_id id, uint64_t address);
