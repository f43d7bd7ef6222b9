/* SPDX-License-Identifier: MIT */
/*
 * Registers of threads as gdb numbers them.
 *
 * rax rbx rcx rdx rsi rdi rbp rsp r8-r15 rip, 8 bytes each, then eflags cs ss ds es fs gs, 4 each: what gdb expects of
 * i386:x86-64. Behind them, if gdb has read our description: those of the x87, which the kernel does not use and which are
 * never known, fs_base gs_base, and the control registers.
 */
#pragma once

#include "kdebug/remote/thread.h"
#include "kdebug/x86_64/registers.h"

#define KD_REMOTE_RIP   16u
#define KD_REMOTE_PLAIN 24u /* without a description */
#define KD_REMOTE_ALL   48u

/* kd_remote_register_bytes() - how wide it is. */
unsigned kd_remote_register_bytes(unsigned number);

/*
 * kd_remote_registers_of() - where a thread's registers are; one look for all of them, as a list of threads is long.
 * kd_remote_register_in() - one of these. False: it is not known, because the thread does not run and the switch does not keep it, or
 * because nobody has saved it.
 */
struct kd_remote_registers {
    enum { KD_REMOTE_NOWHERE, KD_REMOTE_ON_CORE, KD_REMOTE_SAVED, KD_REMOTE_USER } place;
    uint64_t fs_base, gs_base;     /* USER */
    uint64_t rip, rbp, rsp;        /* SAVED: all that the switch keeps */
    struct kd_registers registers; /* ON_CORE, USER */
};
void kd_remote_registers_of(struct kd_remote_id id, struct kd_remote_registers *out);
bool kd_remote_register_in(const struct kd_remote_registers *from, unsigned number, uint64_t *out);

/* kd_remote_register_read() - both in one. kd_remote_register_write() - false: it cannot be. */
bool kd_remote_register_read(struct kd_remote_id id, unsigned number, uint64_t *out);
bool kd_remote_register_write(struct kd_remote_id id, unsigned number, uint64_t value);

/* The description, an XML document. */
extern const char kd_remote_description[];
