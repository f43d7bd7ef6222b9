/* SPDX-License-Identifier: MIT */
/*
 * Rendezvous of all running cores.
 *
 *     initiator                                another core
 *     take rendezvous_lock
 *     round += 1, arrived = 0
 *     set its poll bit, send VECTOR_POLL --->  core_poll(), from a spin or from the interrupt
 *     wait: arrived == others           <---   arrived += 1
 *     function(argument)                       PAUSE until released == round
 *     released = round                  --->   CPUID (serialises), go on
 *
 * R1  A core that spins anywhere in the kernel polls, so it arrives; one that is halted or in user
 *     mode gets the interrupt; one with interrupts shut and not spinning arrives when it next spins
 *     or opens them. So every wait here is finite.
 * R2  A core waits parked without polling: it waits for the initiator alone, who has seen everybody
 *     arrive and runs a function that waits for nobody, but for a parked core's clock. A shootdown
 *     asked of a parked core is served when it leaves.
 * R3  The initiator waits with core_poll(): another core may wait for our shootdown acknowledgement
 *     before it can arrive.
 * R4  Rounds are told apart by number: a core that is slow to leave one round cannot mistake the
 *     next one's release.
 *
 * Rejected: stopping by NMI. It would stop cores inside critical sections, between the bytes of an
 * instruction that changes.
 */
#include "sync/rendezvous.h"

#include "arch/clock_sync.h"
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "base/assert.h"

struct spinlock rendezvous_lock = SPINLOCK_INIT("rendezvous", LOCK_RANK_PATCH);

static atomic_uint round_now;      /* written by the initiator */
static atomic_uint round_released; /* written by the initiator */
static atomic_uint arrived;

static void serialise(void)
{
    uint32_t eax = 0, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx)::"memory");
}

static void call_others(unsigned count)
{
    unsigned self = cpu_id();
    for (unsigned cpu = 0; cpu < count; cpu++) {
        if (cpu != self) {
            atomic_fetch_or_explicit(&cpus[cpu].poll, CPU_POLL_RENDEZVOUS, memory_order_release);
            ipi_send(cpu, VECTOR_POLL);
        }
    }
}

void rendezvous_run(void (*function)(void *argument), void *argument)
{
    ASSERT(!cpu_irqs_are_on());
    spinlock_acquire(&rendezvous_lock);
    unsigned count = cpu_count();
    unsigned round = atomic_load_explicit(&round_now, memory_order_relaxed) + 1;
    atomic_store_explicit(&arrived, 0, memory_order_relaxed);
    atomic_store_explicit(&round_now, round, memory_order_release);
    call_others(count);
    /*
     * pairs with the release in rendezvous_serve(): what a core did before it arrived is visible to
     * function
     */
    while (atomic_load_explicit(&arrived, memory_order_acquire) != count - 1) {
        cpu_relax();
        core_poll();
    }
    function(argument);
    atomic_store_explicit(&round_released, round, memory_order_release);
    serialise();
    spinlock_release(&rendezvous_lock);
}

void rendezvous_serve(void)
{
    /* pairs with the release of the poll bit: the round is the one we were called to */
    unsigned round = atomic_load_explicit(&round_now, memory_order_acquire);
    atomic_fetch_add_explicit(&arrived, 1, memory_order_release);
    while (atomic_load_explicit(&round_released, memory_order_acquire) != round) {
        if (UNLIKELY(clock_is_asked())) {
            clock_answer();
        }
        cpu_relax();
    }
    serialise();
}
