/* SPDX-License-Identifier: MIT */
/*
 * What a thread's fault looks like to a supervisor: a call of the thread to the mailbox that
 * process_exceptions() has set, with the vector as label and these words. The reply's label says
 * what becomes of the thread; to go on it takes instruction pointer, stack pointer, arithmetic
 * flags and result register from the reply's words, so a supervisor starts from what it got.
 */
#pragma once

enum exception_word {
    EXCEPTION_IP,
    EXCEPTION_SP,
    EXCEPTION_FLAGS,
    EXCEPTION_RESULT,  /* rax */
    EXCEPTION_ADDRESS, /* of a page fault */
    EXCEPTION_ERROR,   /* the CPU's error code */
    EXCEPTION_THREAD,  /* tid */
    EXCEPTION_PROCESS, /* process id */
};

/* Labels of the reply. Any other, or no reply for want of a receiver, ends the process. */
#define EXCEPTION_RESUME 0u
#define EXCEPTION_KILL   1u
