/* SPDX-License-Identifier: MIT */
/* Dispatch of system calls; the checks of each are generated (gen/syscall_dispatch.c). Compiled with CFLAGS_ENTRY, as they are. */
#include "arch/frame.h"
#include "base/hooks.h"
#include "gen/syscall_handlers.h"
#include "gen/trace_emit.h"

void syscall_dispatch(struct trap_frame *frame)
{
    trace_syscall_enter((uint8_t)MIN(frame->rax, 255), frame->rdi);
    uint64_t number = frame->rax; /* not kept across the site: a register less to save */
    if (LIKELY(number < SYSCALL_COUNT)) {
        syscall_table[number](frame);
    } else {
        frame->rax = (uint64_t)(int64_t)ERR_NO_SYSCALL;
    }
    trace_syscall_exit((uint8_t)frame->rax);
}
