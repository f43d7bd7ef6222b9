/* SPDX-License-Identifier: MIT */
/*
 * The only calls that go up the layers: lower code declares here what a higher folder defines. One definition each, bound
 * by the linker.
 */
#pragma once

#include "base/types.h"

struct trap_frame;
struct cpu;

/* kernel/trap: exceptions and interrupts, interrupts off. Called by entry.asm; may switch threads. */
void trap_dispatch(struct trap_frame *frame);

/* kernel/syscall: a system call. Called by entry.asm; sets frame->rax. */
void syscall_dispatch(struct trap_frame *frame);

/*
 * kernel/ipc: the direct path of the two calls that a message is made of. Called by entry.asm before anything else is done.
 * They return the frame through which to leave the kernel, which belongs to the partner, and what is
 * to be cleared once the caller's stack is no longer used; or no frame: nothing has happened, take the general way.
 * The _resumed functions: a thread that parked there is switched to by others; they set frame->rax.
 */
struct departure {
    struct trap_frame *frame;
    atomic_uint *on_cpu;
};
struct departure mailbox_call_direct(struct trap_frame *frame);
struct departure mailbox_reply_receive_direct(struct trap_frame *frame);
void mailbox_call_resumed(struct trap_frame *frame);
void mailbox_receive_resumed(struct trap_frame *frame);

/* kernel/ipc: the same for a thread that parked in another wait. The _parked stubs are where it goes on (entry.asm), for thread_park(). */
void event_signal_resumed(struct trap_frame *frame);
void event_signal_parked(void);
void event_wait_resumed(struct trap_frame *frame);
void event_wait_parked(void);
void futex_wait_resumed(struct trap_frame *frame);
void futex_wait_parked(void);
/* kernel/trap: a thread that an interrupt took the core from. */
void trap_resumed(struct trap_frame *frame);
void trap_parked(void);

/* kernel/sched/times.h: user mode has ended on this core, or is about to begin. Called while times are counted only. */
void time_user_ends(void);
void time_user_begins(void);

/* A function that changes no register at all, not even those that the ABI gives it. clang, which only checks this code, is not told. */
#ifdef __clang__
#define KEEPS_REGISTERS
#else
#define KEEPS_REGISTERS __attribute__((no_caller_saved_registers))
#endif

/* trace/function: the record of a traced call that is not written the short way. Called by function_thunk.asm. */
KEEPS_REGISTERS void function_trace_slow(uint64_t function, uint64_t stack, unsigned event);

/* trace/probe: a record of probe.hit, by the hook of the event or not. Called by probe_thunk.asm when there is no short way. */
KEEPS_REGISTERS void probe_write(unsigned number, const uint64_t value[4], bool is_hooked);

/* kernel/trap: NMI, #MC, #DF, and kernel #DB and #BP, on a stack of their own and with the NMI lane. */
void trap_dispatch_nmi_class(struct trap_frame *frame);

/* kernel/sched: last thing before returning to user mode when cpu->work is set: rescheduling, end of thread. */
void user_return_work(struct trap_frame *frame);

struct object;
struct handle_entry;

/* kernel/syscall: the last reference to an object is gone: destroy it by its type. */
void hook_object_destroy(struct object *object);
/* kernel/syscall: a handle for a mailbox or event was opened (+1) or closed (-1), with these rights. */
void hook_handle_change(struct object *object, uint32_t rights, int change);

/*
 * kernel/ipc: ask a pager's mailbox for a page, and wait for the reply. OK: it has replied; ERR_TIMED_OUT; ERR_PEER_CLOSED;
 * ERR_CANCELLED. Context: thread, no lock held.
 */
status_t hook_page_fetch(struct object *mailbox, uint64_t area, uint64_t page,
                         ns_t deadline) MUST_CHECK;

/* kernel/ipc: call `each` for the physical address of every word that a thread waits on. Locks: WAIT; no lock of a higher rank held. */
void hook_futex_words(void (*each)(paddr_t word, void *context), void *context);

/* kernel/vm: a process has no thread any more; its space goes next. */
void hook_process_gone(uint32_t process);

/* kernel/sched: the process_id of the thread that this core runs; 0: it runs the kernel's, or nothing yet. Context: any. */
uint32_t hook_current_process(void);

/* kernel/sched: a sub-buffer was finished: wake who waits in trace_wait. */
void trace_notify(void);

/* kernel/mm: this core's part of pending TLB shootdowns; called by core_poll_slow(). */
void tlb_serve(void);

/* kernel/mm: hand this core's cached frames over to one who has none; called by core_poll_slow(). Takes no lock. */
void frame_surrender(void);

/*
 * kernel/sync: rendezvous_run() - stop every other core in core_poll(), call function here, let them go on.
 * Every core executes a serialising instruction before it goes on. function takes no lock and waits for nobody.
 * Context: thread or boot, interrupts off; takes rendezvous_lock (rank PATCH); spins with core_poll().
 * rendezvous_serve() - take part: called by core_poll_slow().
 */
void rendezvous_run(void (*function)(void *argument), void *argument);
void rendezvous_serve(void);

/*
 * kdebug: a trigger asks for a stop (trace/ring/trigger.h): what set it off is in trace_hits[] of this core. Returns when a person
 * resumes. Context: any but NMI class, locks held or not.
 */
void kdebug_trigger(const char *event);

/* kdebug: panic() and failed assertions. Returns if a person resumes; inside of kdebug it goes back to the prompt instead. */
void kdebug_panic(const char *message);

/* kdebug: this core is the one at the prompt. Cost: one load. */
bool kdebug_active(void);
