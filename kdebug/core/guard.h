/* SPDX-License-Identifier: MIT */
/*
 * Coming back: from an error deep in a command, from ^C, from a fault of the debugger's own code.
 *
 * Guards nest; raising goes to the innermost one. The frames in between are abandoned without
 * unwinding: kdebug holds no locks and no memory, so there is nothing to give back. Only the core
 * at the prompt uses guards, so they need no per-core data.
 *
 *     struct kd_guard guard;
 *     if (KD_GUARD(guard)) { work(); kd_guard_leave(&guard); } else { the cause is in kd_raised }
 *
 * Local variables written between the two branches must be volatile (C17 7.13.2.1).
 */
#pragma once

#include "arch/frame.h"
#include "base/types.h"

enum kd_cause {
    KD_CAUSE_NONE,
    KD_CAUSE_ERROR, /* a message has been printed */
    KD_CAUSE_QUIT,  /* a person typed ^C or q */
    KD_CAUSE_FAULT, /* see kd_raised */
};

struct kd_raised {
    enum kd_cause cause;
    uint64_t vector, error, rip, address; /* of a fault */
    const char *message;                  /* of a failed assertion, else NULL */
};
extern struct kd_raised kd_raised;

/* Faults of the debugger's own code since the boot, for `self`: how many, and the newest, number N at N % KD_CRUMBS. */
#define KD_CRUMBS 8u
extern uint64_t kd_crumb_count;
extern struct kd_raised kd_crumbs[KD_CRUMBS];

struct kd_guard {
    void *jump[5]; /* what __builtin_setjmp() wants */
    struct kd_guard *outer;
};

void kd_guard_enter(struct kd_guard *guard);
void kd_guard_leave(struct kd_guard *guard);

#define KD_GUARD(guard) (kd_guard_enter(&(guard)), __builtin_setjmp((guard).jump) == 0)

/* kd_raise() - go to the innermost guard, which is left by that. There must be one. */
NORETURN void kd_raise(enum kd_cause cause);

/* kd_raise_again() - what was caught, as it was, goes to the next guard. */
NORETURN void kd_raise_again(void);

/*
 * kd_raise_message() - a check failed in code that kdebug called: the same, as a fault with a
 * message.
 */
NORETURN void kd_raise_message(const char *message);

/*
 * kd_guard_divert() - make an exception frame of kdebug's own code return to the innermost guard.
 *
 * @address  what the fault was about (CR2) The exception's entry and exit code run to their ends,
 *           so nothing they count goes wrong. False: nobody guards.
 */
bool kd_guard_divert(struct trap_frame *frame, uint64_t address);

/* kd_guard_reset() - forget all guards: a new session begins. */
void kd_guard_reset(void);
