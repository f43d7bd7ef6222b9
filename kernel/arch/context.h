/* SPDX-License-Identifier: MIT */
/* Kernel contexts: one stack pointer per blocked thread. */
#pragma once

#include "arch/cpu.h"
#include "arch/frame.h"
#include "base/types.h"

/*
 * What a blocked thread keeps: everything else (callee-saved registers, return address) is on its
 * kernel stack.
 */
struct context {
    uint64_t rsp;
};

/*
 * context_switch() - save the running context into *from and go on in *to.
 *
 * Returns when somebody switches back. Callee-saved registers, including rbp, are on the stack in
 * the order [rsp] = r15 r14 r13 r12 rbx rbp return-address, so that kdebug can unwind a blocked
 * thread from rsp alone.
 * Context: interrupts off. Does not touch CR3, per-core data or the TSS: thread switching does.
 */
void context_switch(struct context *from, struct context *to);

/* context_resume() - go on in *to and give up the running context, which has been parked. */
NORETURN void context_resume(struct context *to);

/* context_leave() - leave the kernel through another thread's frame; *on_cpu becomes 0 once this stack is not used any more.
 * Only from the direct path of a system call (base/hooks.h). */
NORETURN void context_leave(struct trap_frame *frame, atomic_uint *on_cpu);

/*
 * context_init_user() - make a context whose first run enters user mode.
 *
 * @stack_top  top of the thread's kernel stack; the frame is put there
 * @first      called on the new stack before user mode is entered, with interrupts off
 * Returns the frame, filled for entry (cs, ss, rflags with IF) with zeroed registers but rip, rsp
 * and rdi = argument.
 */
struct trap_frame *context_init_user(struct context *context, vaddr_t stack_top,
                                     void (*first)(void), vaddr_t entry, vaddr_t stack,
                                     uint64_t argument);

/*
 * context_init_kernel() - a context that calls entry(argument) with interrupts off and never
 * returns from it.
 */
void context_init_kernel(struct context *context, vaddr_t stack_top, void (*entry)(void *),
                         void *argument);

/*
 * context_park() - the context of a thread that leaves its core in the direct path of a system call, with nothing on
 * its kernel stack but the frame.
 *
 * The entry stub has put a saved rbp and the address where it goes on below the frame (entry.asm); the other saved
 * registers mean nothing there.
 */
static inline void context_park(struct context *context, const struct trap_frame *frame)
{
    context->rsp = (uint64_t)frame - 7 * sizeof(uint64_t);
}

/* context_park_at() - the same in the midst of a system call whose function does not return: the two words are put there now. */
static inline void context_park_at(struct context *context, struct trap_frame *frame,
                                   void (*resumed)(void))
{
    uint64_t *below = (uint64_t *)frame;
    below[-1] = (uint64_t)resumed;
    below[-2] = 0;
    context_park(context, frame);
}

static inline bool context_is_parked(const struct context *context, const struct trap_frame *frame)
{
    return context->rsp == (uint64_t)frame - 7 * sizeof(uint64_t);
}

/*
 * context_set_kernel_stack() - where the next entry from user mode on this core starts: TSS.rsp0
 * and cpu->kernel_stack_top.
 */
static inline void context_set_kernel_stack(vaddr_t stack_top)
{
    struct cpu *cpu = this_cpu();
    cpu->kernel_stack_top = stack_top;
    *cpu->tss_rsp0 = stack_top;
}

/*
 * context_frame() - the user frame at the top of a thread's kernel stack, valid while the thread is
 * in the kernel.
 */
static inline struct trap_frame *context_frame(vaddr_t stack_top)
{
    return (struct trap_frame *)(stack_top - sizeof(struct trap_frame));
}

/*
 * context_callers() - who called the caller of this function, and who that one, innermost first, but for the first `skip`; 0 behind
 * the last one. Only as far as a thread's kernel stack goes: what runs on another stack has no callers here. Context: any.
 */
void context_callers(uint64_t *pcs, unsigned count, unsigned skip);

/*
 * backtrace_next() - one step up a chain of frame pointers that lies within [low, high). False at
 * the end.
 */
static inline bool backtrace_next(uint64_t *rbp, uint64_t *rip, vaddr_t low, vaddr_t high)
{
    if (*rbp < low || *rbp + 16 > high || (*rbp & 7)) {
        return false;
    }
    uint64_t next = ((uint64_t *)*rbp)[0];
    *rip = ((uint64_t *)*rbp)[1];
    if (next <= *rbp) {
        next = 0;
    }
    *rbp = next;
    return *rip != 0;
}
