/* SPDX-License-Identifier: MIT */
/* Coming back from errors and faults: a stack of jump buffers (guard.h). */
#include "kdebug/core/guard.h"

static struct kd_guard *innermost;
struct kd_raised kd_raised;
uint64_t kd_crumb_count;
struct kd_raised kd_crumbs[KD_CRUMBS];

static void raise_fault(const struct kd_raised *fault)
{
    kd_raised = *fault;
    kd_crumbs[kd_crumb_count++ % KD_CRUMBS] = *fault;
}

void kd_guard_enter(struct kd_guard *guard)
{
    guard->outer = innermost;
    innermost = guard;
}

void kd_guard_leave(struct kd_guard *guard)
{
    innermost = guard->outer;
}

static NORETURN NOINLINE void jump(void)
{
    struct kd_guard *guard = innermost;
    innermost = guard->outer;
    __builtin_longjmp(guard->jump, 1);
}

void kd_raise(enum kd_cause cause)
{
    kd_raised = (struct kd_raised){.cause = cause};
    jump();
}

void kd_raise_again(void)
{
    jump();
}

void kd_raise_message(const char *message)
{
    raise_fault(&(struct kd_raised){.cause = KD_CAUSE_FAULT, .message = message});
    jump();
}

/*
 * The frame returns into jump() on the stack of the guard, some way below what the guarding
 * function uses: everything there belongs to frames that are being abandoned. jump[2] is the
 * stack pointer of the guarding function (gcc manual, "Nonlocal Gotos": frame pointer, label,
 * stack pointer). A function expects rsp + 8 to be a multiple of 16.
 */
bool kd_guard_divert(struct trap_frame *frame, uint64_t address)
{
    if (innermost == NULL) {
        return false;
    }
    raise_fault(&(struct kd_raised){
        .cause = KD_CAUSE_FAULT,
        .vector = frame->vector,
        .error = frame->error,
        .rip = frame->rip,
        .address = address,
    });
    frame->rip = (uint64_t)jump;
    frame->rsp = (((uint64_t)innermost->jump[2] - 256) & ~15ull) - 8;
    frame->rflags = 2; /* bit 1 is always set; interrupts off, direction up */
    return true;
}

void kd_guard_reset(void)
{
    innermost = NULL;
}
