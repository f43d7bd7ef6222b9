/* SPDX-License-Identifier: MIT */
/* Threads and their registers as gdb sees them. */
#pragma once

#include "kdebug/remote/packet.h"

/* gdb's name of a thread: its TID; of a core's idle loop KD_REMOTE_IDLE + core. */
#define KD_REMOTE_IDLE 0x100000u
/* rax rbx rcx rdx rsi rdi rbp rsp r8-r15 rip, 8 bytes each, then eflags cs ss ds es fs gs, 4 each:
 * what gdb expects of i386:x86-64 without a description. */
#define KD_REMOTE_WIDE      17u
#define KD_REMOTE_NARROW    7u
#define KD_REMOTE_REGISTERS (KD_REMOTE_WIDE + KD_REMOTE_NARROW)

/* kd_remote_thread_of() - of what a core runs. */
uint64_t kd_remote_thread_of(unsigned cpu);

/* kd_remote_thread_exists() - is there one of this name? */
bool kd_remote_thread_exists(uint64_t id);

/* kd_remote_list_threads() - all, separated by commas. */
void kd_remote_list_threads(struct kd_packet *out);

/* kd_remote_describe() - what "info threads" shows: process, name, state. */
void kd_remote_describe(uint64_t id, char *to, size_t bytes);

/* kd_remote_read_register() - number as above. Its bytes; 0: not known, because the thread does
 * not run and the switch does not keep it. */
unsigned kd_remote_read_register(uint64_t id, unsigned number, uint64_t *out);

/* kd_remote_write_register() - false: it cannot be. */
bool kd_remote_write_register(uint64_t id, unsigned number, uint64_t value);

/* kd_remote_cpu() - the core that runs a thread, -1: none. */
int kd_remote_cpu(uint64_t id);

/* kd_remote_space() - what an address means to a thread. */
uint64_t kd_remote_space(uint64_t id, uint64_t address);
