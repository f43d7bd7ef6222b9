/* SPDX-License-Identifier: MIT */
/*
 * Calling a function of the kernel that may not come back: because it waits for a lock that a parked core holds, or
 * for good.
 *
 * Nothing in it looks at the serial line, and interrupts are off. So for the time of the call the line raises NMIs
 * again, on this core instead of core 0, which is parked; the NMI diverts to the guard that is around the call, as a
 * fault would. If the prompt itself was entered by an NMI, others are blocked until an IRET: one is executed first,
 * to the next instruction. (Intel SDM vol. 3A, "Handling Multiple NMIs". entry.asm keeps the frames apart.)
 *
 * What the interrupted code waits for (lock_waits) is said again afterwards: the function may have waited itself, for good or not.
 *
 * L1  The line leads back to core 0 and is shut before anything else happens at the prompt, however the call ends.
 */
#include "kdebug/core/call.h"

#include "arch/interrupt.h"
#include "arch/serial.h"
#include "kdebug/core/command.h"
#include "kdebug/core/door.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/symbols.h"
#include "sync/spinlock.h"

typedef uint64_t (*function_fn)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

static volatile bool is_under_way;
static volatile uint64_t broken_at; /* 0: not */

static void unblock_nmis(void)
{
    __asm__ volatile("movq %%rsp, %%rax\n\t"
                     "movq %%ss, %%rcx\n\t"
                     "pushq %%rcx\n\t"
                     "pushq %%rax\n\t"
                     "pushfq\n\t"
                     "movq %%cs, %%rax\n\t"
                     "pushq %%rax\n\t"
                     "pushq $1f\n\t"
                     "iretq\n"
                     "1:"
                     :
                     :
                     : "rax", "rcx", "memory", "cc");
}

static void end_call(const struct spinlock *awaited)
{
    is_under_way = false;
    kd_door_shut();
    atomic_store_explicit(&lock_waits[cpu_id()].now, awaited, memory_order_relaxed);
}

uint64_t kd_call_function(uint64_t function, const uint64_t arguments[KD_CALL_ARGUMENTS])
{
    struct kd_guard guard;
    function_fn entry = (function_fn)(uintptr_t)function;
    volatile uint64_t result = 0;
    const struct spinlock *const volatile awaited =
        atomic_load_explicit(&lock_waits[cpu_id()].now, memory_order_relaxed);
    broken_at = 0;
    if (KD_GUARD(guard)) {
        is_under_way = true;
        unblock_nmis();
        kd_door_open_here();
        result = entry(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                       arguments[5]);
        end_call(awaited);
        kd_guard_leave(&guard);
        return result;
    }
    end_call(awaited);
    if (broken_at != 0) {
        char where[64];
        kd_symbol_text(broken_at, where, sizeof(where));
        kd_fail("broken into at %s; what the function held, it still holds", where);
    }
    kd_raise_again();
}

void kd_call_nmi(struct trap_frame *frame)
{
    if (!is_under_way) {
        return;
    }
    enum serial_event event = serial_drain();
    if (event == SERIAL_BREAK || event == SERIAL_ESCAPED) {
        is_under_way = false; /* once */
        broken_at = frame->rip;
        (void)kd_guard_divert(frame, 0);
    }
}
