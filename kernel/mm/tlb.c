/* SPDX-License-Identifier: MIT */
/*
 * TLB shootdown between cores.
 *
 * Each core has one request of its own (it initiates one at a time, since it spins until all have
 * answered) and a word of pending requests, a bit per initiator.
 *
 *      initiator i                                    target t
 *      change entries; fence
 *      for each t with active_root in question:
 *          request[i] = root, va, bytes
 *          waiting[i] |= t
 *          pending[t] |= i          (release) ------> take all of pending[t]  (acquire)
 *          cpus[t].poll |= SHOOTDOWN; IPI             flush own TLB
 *      until waiting[i] == 0        (acquire) <------ waiting[i] &= ~t        (release)
 *
 *   S1  A target clears its poll bit before it takes pending[t], so a request that comes in between
 *       sets the bit again.
 *   S2  All waiting bits are set before the first pending bit: no target can answer before it is
 *       waited for.
 *   S3  Who waits polls, so it serves others: two initiators never wait for each other. tlb_serve()
 *       takes no lock and initiates nothing.
 *   S4  A core that switches spaces stores TLB_ROOT_CHANGING, loads CR3, which serialises, and then
 *       stores the new root (with PCIDs, Q1 of arch/pcid.h comes in). Either the initiator, behind its fence, sees the change or the new root
 *       and asks; or the CR3 load comes after the entries have changed, and starts with a TLB that
 *       has none of the space. A core that leaves a space counts as one that has it until CR3 is
 *       loaded, because its page walks may read the tables until then.
 *   S5  A thread without a space (TLB_ROOT_ANY) leaves active_root as it is, so its core is asked as
 *       before; tlb_retire() makes it let go before the tables are freed.
 *
 * `check mm` verifies S2 and S5. A core may be stopped between any two steps of S1 and S4, and S3 is about what is executed: for
 * those the proof is test_tlb, and that no translation stays (the program `memory`).
 *
 * Not a mask of cores per space: keeping one costs two locked instructions per address-space
 * switch, here the initiator looks at one word per core.
 *
 * With PCIDs a core that has left a space keeps its translations. It is not asked either: it compares counts of changes when it comes
 * back (arch/pcid.h).
 *
 * Source: Intel SDM vol. 3A "Propagation of Paging-Structure Changes to Multiple Processors".
 */
#include "mm/tlb.h"

#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/pcid.h"
#include "base/assert.h"
#include "gen/trace_emit.h"
#include "mm/tlb_impl.h"

struct tlb_core tlb_cores[CPU_MAX];

static bool is_concerned(unsigned cpu, paddr_t root)
{
    paddr_t active = atomic_load_explicit(&cpus[cpu].active_root, memory_order_relaxed);
    return root == 0 || active == root || active == TLB_ROOT_CHANGING;
}

static uint32_t find_targets(unsigned self, paddr_t root)
{
    uint32_t targets = 0;
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        if (cpu != self && is_concerned(cpu, root)) {
            targets |= 1u << cpu;
        }
    }
    return targets;
}

static void ask(unsigned self, uint32_t targets)
{
    struct tlb_core *own = &tlb_cores[self];
    atomic_store_explicit(&own->waiting, targets, memory_order_relaxed); /* S2 */
    for (; targets != 0; targets &= targets - 1) {
        unsigned cpu = (unsigned)__builtin_ctz(targets);
        atomic_fetch_or_explicit(&tlb_cores[cpu].pending, 1u << self, memory_order_release);
        atomic_fetch_or_explicit(&cpus[cpu].poll, CPU_POLL_SHOOTDOWN, memory_order_release);
        trace_irq_ipi(TRACE_IPI_KIND_SHOOTDOWN, (uint8_t)cpu);
        ipi_send(cpu, VECTOR_POLL);
        own->asked++;
    }
}

static uint32_t pages_of(uint64_t bytes)
{
    return (uint32_t)MIN(bytes / PAGE_BYTES, (uint64_t)UINT32_MAX);
}

void tlb_flush(paddr_t root, vaddr_t va, uint64_t bytes)
{
    unsigned self = cpu_id();
    struct tlb_core *own = &tlb_cores[self];
    own->flushes++;
    if (pcid_in_use) {
        pcid_count_change(root); /* Q1 */
    }
    atomic_thread_fence(memory_order_seq_cst); /* entries before active_root: S4 */
    uint32_t targets = find_targets(self, root);
    if (targets != 0) {
        own->shootdowns++;
        own->root = root;
        own->va = va;
        own->bytes = bytes;
        trace_mm_shootdown_begin(targets, pages_of(bytes), root, va);
        ask(self, targets);
    }
    if (is_concerned(self, root)) {
        tlb_flush_own(root, va, bytes);
    }
    while (atomic_load_explicit(&own->waiting, memory_order_acquire) != 0) {
        cpu_relax();
        core_poll();
    }
    if (targets != 0) {
        trace_mm_shootdown_end();
    }
}

void tlb_retire(paddr_t root)
{
    tlb_flush(root, 0, TLB_RETIRE); /* S5 */
}

void tlb_serve(void)
{
    unsigned self = cpu_id();
    struct tlb_core *own = &tlb_cores[self];
    atomic_fetch_and_explicit(&cpus[self].poll, ~CPU_POLL_SHOOTDOWN, memory_order_acq_rel); /* S1 */
    uint32_t initiators = atomic_exchange_explicit(&own->pending, 0, memory_order_acq_rel);
    for (; initiators != 0; initiators &= initiators - 1) {
        struct tlb_core *asker = &tlb_cores[__builtin_ctz(initiators)];
        tlb_flush_own(asker->root, asker->va, asker->bytes);
        atomic_fetch_and_explicit(&asker->waiting, ~(1u << self), memory_order_release);
        own->served++;
    }
}
