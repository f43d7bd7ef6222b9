/* SPDX-License-Identifier: MIT */
/* First contents of kernel stacks. */
#include "arch/context.h"

#include "arch/cpu.h"
#include "arch/x86_64/cpu_impl.h"
#include "arch/x86_64/msr.h"
#include "base/assert.h"
#include "base/string.h"
#include "gen/layout.h"

/* What context_switch() pops, lowest address first. */
struct saved_registers {
    uint64_t r15, r14, r13, r12, rbx, rbp;
    uint64_t return_address;
};

void context_start_user(void);
void context_start_kernel(void);

static struct saved_registers *push_registers(vaddr_t below, void (*start)(void))
{
    struct saved_registers *saved = (struct saved_registers *)(below - sizeof(*saved));
    memset(saved, 0, sizeof(*saved));
    saved->return_address = (uint64_t)start;
    return saved;
}

struct trap_frame *context_init_user(struct context *context, vaddr_t stack_top,
                                     void (*first)(void), vaddr_t entry, vaddr_t stack,
                                     uint64_t argument)
{
    ASSERT(IS_ALIGNED(stack_top, 16));
    struct trap_frame *frame = context_frame(stack_top);
    memset(frame, 0, sizeof(*frame));
    frame->vector = FRAME_VECTOR_START;
    frame->rip = entry;
    frame->cs = SELECTOR_USER_CODE;
    frame->rflags = RFLAGS_FIXED | RFLAGS_IF;
    frame->rsp = stack;
    frame->ss = SELECTOR_USER_DATA;
    frame->rdi = argument;

    struct saved_registers *saved = push_registers((vaddr_t)frame, context_start_user);
    saved->r12 = (uint64_t)first;
    context->rsp = (uint64_t)saved;
    return frame;
}

void context_init_kernel(struct context *context, vaddr_t stack_top, void (*entry)(void *),
                         void *argument)
{
    ASSERT(IS_ALIGNED(stack_top, 16));
    struct saved_registers *saved = push_registers(stack_top - 16, context_start_kernel);
    saved->r12 = (uint64_t)entry;
    saved->r13 = (uint64_t)argument;
    context->rsp = (uint64_t)saved;
}

/* The end of the kernel stack that an address lies in; the address itself: it lies in none. */
static vaddr_t stack_end(vaddr_t at)
{
    bool is_stack = at > KERNEL_STACKS_BASE && at < KERNEL_STACKS_BASE + KERNEL_STACKS_BYTES;
    return is_stack ? ROUND_UP(at, KERNEL_STACK_SLOT_BYTES) : at;
}

void context_callers(uint64_t *pcs, unsigned count, unsigned skip)
{
    uint64_t rbp = (uint64_t)__builtin_frame_address(0), low = rbp, high = stack_end(rbp), rip;
    bool has_caller = true;
    for (unsigned i = 0; i <= skip; i++) { /* one more: who asks */
        has_caller = has_caller && backtrace_next(&rbp, &rip, low, high);
    }
    for (unsigned i = 0; i < count; i++) {
        has_caller = has_caller && backtrace_next(&rbp, &rip, low, high);
        pcs[i] = has_caller ? rip : 0;
    }
}
