/* SPDX-License-Identifier: MIT */
/*
 * The ways into kdebug, for the kernel. (kdebug_panic() is declared in base/hooks.h.)
 *
 * Who calls what:
 *   kernel/trap     kdebug_nmi() for every NMI; kdebug_trap() for kernel #BP, #DB, #DF, #MC, and
 *                   for other exceptions in kernel mode: first when kdebug_active(), else when
 *                   nobody can serve them; kdebug_deferred() from the VECTOR_CONSOLE handler
 *   kernel/init     kdebug_open_door() once the interrupt controllers are set up; kdebug_boot()
 *                   for the boot options
 *   kernel/syscall  kdebug_request() for debug_enter
 */
#pragma once

#include "arch/frame.h"
#include "base/hooks.h"
#include "base/types.h"

/* Who may come in. */
enum kdebug_door {
    KDEBUG_ATTENDED,   /* a person, or gdb */
    KDEBUG_UNATTENDED, /* the same; but a panic or exception prints a report and resets the machine */
    KDEBUG_SHUT, /* nobody: BREAK, the escape, NMIs and requests do nothing, a panic prints its message and halts */
};

/* kdebug_set_door() - for the boot options, before anything can go wrong. Default KDEBUG_ATTENDED. */
void kdebug_set_door(enum kdebug_door door);

/* kdebug_lock() - forbid classes of commands until the next boot: "reads,writes,io,resumes". False: a name is wrong; all are
 * locked then. */
bool kdebug_lock(const char *classes);

/* kdebug_ask_passphrase() - ask for one before the prompt: "ROUNDS:SALT:KEY" of `spoor passphrase`. False: it is not that; none
 * is right then. */
bool kdebug_ask_passphrase(const char *option);

/*
 * kdebug_open_door() - let BREAK and the escape byte on COM1 in, as NMI on core 0, whatever that
 * core does.
 *
 * Before this the line is output only. From here on kdebug masks and unmasks the line's interrupt
 * around every stop.
 * Context: boot core, after interrupt_init_boot(). Cannot fail.
 */
void kdebug_open_door(void);

/*
 * kdebug_nmi() - serve one NMI of this core. explained: something else has raised it; it may have come for us, too.
 *
 * Parks the core while another one is at the prompt; on core 0 drains COM1 and becomes master on
 * BREAK or escape, or raises VECTOR_CONSOLE for plain bytes; becomes master (reason nmi) if the
 * NMI has no known source. Returns when the core may go on, having executed a serialising
 * instruction if it was parked.
 * Context: NMI stack, NMI lane. Takes no lock. See stop.c for how redundant NMIs are told from
 * real ones.
 */
void kdebug_nmi(struct trap_frame *frame, bool explained);

/*
 * kdebug_trap() - an exception in kernel mode.
 *
 * If it comes from kdebug's own code, does not return: the prompt comes back and says where it
 * happened. Otherwise enters kdebug and returns true when a person resumes, with the frame as
 * that person left it. False: not for kdebug (user mode). A #DB without status bits returns true
 * at once: emulators make such.
 * Context: any kernel context, interrupts off. Takes no lock.
 */
bool kdebug_trap(struct trap_frame *frame);

/*
 * kdebug_user_debug() - a #DB of user mode.
 *
 * True: it was a step or a watchpoint of somebody at the prompt, and is served. False: the
 * program's own affair. Context: the thread's kernel stack, interrupts off.
 */
bool kdebug_user_debug(struct trap_frame *frame);

/* kdebug_use_symbols() - let kd_symbol_at() know the kernel's symbols; the first stop does it, too. Context: any. */
void kdebug_use_symbols(void);

/* kdebug_use_files() - where the boot image lies in physical memory: whose files gdb may read. Context: boot. */
void kdebug_use_files(paddr_t base, uint64_t bytes);

/* kdebug_request() - enter because a program that holds the right asked for it. why: one line,
 * any bytes. Returns on resume. */
void kdebug_request(const char *why);

/* kdebug_boot() - enter because the boot options say so. Context: after the descriptor tables of
 * this core are loaded. */
void kdebug_boot(void);

/*
 * kdebug_deferred() - do what the prompt was asked for but what needs the running kernel:
 * switching trace categories, holding processes.
 *
 * Context: interrupt from user mode, idle or a preempt point: no lock held. Kdebug raises
 * VECTOR_CONSOLE on leaving when there is something to do. Cost when there is not: one load.
 */
void kdebug_deferred(void);
