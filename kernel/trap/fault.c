/* SPDX-License-Identifier: MIT */
/*
 * Faults. A fault in a process goes to its supervisor, if it has one (exception.c); else it ends that process with a report and a
 * trace event, nothing else. A fault in the kernel is either
 * one the copy layer announced (a fixup: the copy returns short), or a bug, which enters kdebug.
 */
#include "trap/fault.h"

#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/mmu.h"
#include "arch/user.h"
#include "base/assert.h"
#include "base/log.h"
#include "gen/trace_emit.h"
#include "kdebug/core/kdebug.h"
#include "sched/process.h"
#include "trap/exception.h"
#include "vm/space.h"

static const char *exception_name(unsigned vector)
{
    static const char *const names[] = {
        [VECTOR_DIVIDE] = "divide error",
        [VECTOR_DEBUG] = "debug exception",
        [VECTOR_BREAKPOINT] = "breakpoint",
        [4] = "overflow",
        [5] = "bound range exceeded",
        [VECTOR_UNDEFINED] = "undefined instruction",
        [VECTOR_NO_FPU] = "no floating point",
        [VECTOR_DOUBLE_FAULT] = "double fault",
        [10] = "invalid TSS",
        [11] = "segment not present",
        [12] = "stack fault",
        [VECTOR_PROTECTION] = "general protection",
        [VECTOR_PAGE_FAULT] = "page fault",
        [16] = "x87 error",
        [17] = "alignment check",
        [VECTOR_MACHINE_CHECK] = "machine check",
        [19] = "SIMD error",
    };
    return vector < ARRAY_COUNT(names) && names[vector] != NULL ? names[vector] : "exception";
}

/* The supervisor decides, or the process ends. */
static void user_fault(struct trap_frame *frame, vaddr_t address)
{
    struct thread *thread = current_thread();
    struct process *process = thread->process;
    unsigned vector = (unsigned)frame->vector;
    trace_fault_exception((uint8_t)vector, frame->rip, address);
    if (exception_handled(frame, address)) {
        return;
    }
    log_warning("%s/%s (process %u, thread %u): %s at ip %#llx, address %#llx, error %#llx: ended",
                process->name, thread->name, process->object.id, thread->tid,
                exception_name(vector), (unsigned long long)frame->rip, (unsigned long long)address,
                (unsigned long long)frame->error);
    process_kill(process, (uint64_t)-1, vector + 1);
}

/* An exception in kernel mode that no space serves. */
static void kernel_fault(struct trap_frame *frame)
{
    vaddr_t landing = fault_fixup(frame->rip);
    if (landing != 0) {
        frame->rip = landing;
        return;
    }
    if (!kdebug_trap(frame)) {
        panic("%s in the kernel at %#llx", exception_name((unsigned)frame->vector),
              (unsigned long long)frame->rip);
    }
}

void fault_page(struct trap_frame *frame)
{
    vaddr_t address = mmu_fault_address();
    bool user_mode = frame_is_user(frame);
    struct thread *thread = current_thread();
    trace_fault_enter((uint8_t)frame->error, address, frame->rip);
    enum fault_outcome outcome = FAULT_FAILED;
    /* In kernel mode only the copy layer may touch user memory, and it says so in the fixup table. */
    if (address < USER_END && thread->process != NULL &&
        (user_mode || (fault_fixup(frame->rip) != 0 && !fault_is_refused(frame->rip)))) {
        outcome = space_fault(thread->process->space, address, (unsigned)frame->error);
    }
    trace_fault_exit((uint8_t)outcome);
    if (LIKELY(fault_is_served(outcome))) {
        return;
    }
    if (outcome == FAULT_GUARD) {
        log_warning("%#llx is a guard page: stack overflow?", (unsigned long long)address);
    }
    if (user_mode) {
        user_fault(frame, address);
    } else {
        kernel_fault(frame);
    }
}

void fault_exception(struct trap_frame *frame)
{
    if (frame_is_user(frame)) {
        if (frame->vector == VECTOR_NO_FPU && thread_fpu_begin() == OK) {
            return;
        }
        user_fault(frame, 0);
    } else {
        kernel_fault(frame);
    }
}
