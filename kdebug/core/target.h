/* SPDX-License-Identifier: MIT */
/*
 * The one way from commands to what they look at.
 *
 * A target is a stopped machine: the live one around us, or on the host one that is dead, by its
 * core file or serial dump (tools/post). It gives physical memory and registers; everything else (virtual addresses, kernel
 * structures) is read on top, so the same commands work on each.
 *
 * K1  A read never faults, never changes the machine (no CR3 load, no Accessed bit), never
 *     touches anything but RAM.
 */
#pragma once

#include "arch/frame.h"
#include "base/types.h"
#include "kdebug/core/value.h"

/* Registers of a stopped core. */
struct kd_registers {
    struct trap_frame frame; /* of what it was doing */
    uint64_t cr0, cr2, cr3, cr4;
};

struct kd_target {
    const char *name;
    bool live; /* the machine can be changed and resumed */
    /* Copy within one page. ERR_BAD_ADDRESS: not RAM. write_physical NULL: nothing can be changed. */
    status_t (*read_physical)(paddr_t pa, void *to, size_t bytes);
    status_t (*write_physical)(paddr_t pa, const void *from, size_t bytes);
    paddr_t (*kernel_root)(void); /* page tables that show the kernel half */
    unsigned (*cpu_count)(void);
    /* ERR_NOT_FOUND: no such core; ERR_NOT_SUPPORTED: it was not captured. */
    status_t (*registers)(unsigned cpu, struct kd_registers *out);
    /* Frame of a captured core as it will go on; NULL: nothing can be set. */
    status_t (*set_registers)(unsigned cpu, const struct kd_registers *registers);
    tsc_t (*now)(void);            /* when the machine stood still, by its clock; 0: nobody knows */
    vaddr_t (*trace_region)(void); /* struct trace_region, 0: there is none */
    vaddr_t (*trace_previous)(void); /* that of the boot before; NULL: not on this target */
    vaddr_t (*global)(const char *name, const void *here); /* see KD_GLOBAL */
};

/* The target that the prompt looks at. Set once at entry. */
extern const struct kd_target *kd_target;
extern const struct kd_target kd_target_live;

/*
 * KD_GLOBAL() - address of a kernel variable in the target, 0 if it has none. The name is checked
 * by the compiler. In the kernel the linker knows the address; a dump's comes from its symbol
 * table.
 */
#ifndef KDEBUG_HOST
#define KDEBUG_HOST 0
#endif
#if KDEBUG_HOST
#define KD_GLOBAL(name) ((void)sizeof(&(name)), kd_target->global(#name, NULL))
#else
#define KD_GLOBAL(name) kd_target->global(#name, &(name))
#endif

/* kd_read() / kd_write() - copy from or to the target. OK or ERR_BAD_ADDRESS; a read that fails
 * half way has zeroed the rest. */
status_t kd_read(kd_space_t space, uint64_t address, void *to, size_t bytes);
status_t kd_write(kd_space_t space, uint64_t address, const void *from, size_t bytes);

/* kd_can_write() - memory of the target can be changed. */
bool kd_can_write(void);

/* kd_read_kernel() - the usual one. */
static inline status_t kd_read_kernel(uint64_t address, void *to, size_t bytes)
{
    return kd_read(KD_SPACE_KERNEL, address, to, bytes);
}

/* kd_fetch() - read a whole structure of the kernel, or end the command with a message that names
 * what could not be read. */
void kd_fetch(uint64_t address, void *to, size_t bytes, const char *what);

/* kd_fetch_word() - eight bytes of the kernel, or end the command. */
uint64_t kd_fetch_word(uint64_t address, const char *what);
