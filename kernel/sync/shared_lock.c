/* SPDX-License-Identifier: MIT */
/*
 * Shared locks: who shares one leaves a note in his own core's data; who owns one looks at all of them.
 *
 * Problem. Page faults of one process on several cores only look at its mappings, and add to its page tables what can be added
 * by all at once; unmapping must have them to itself. A count of readers in the lock would be a cache line that
 * every fault of every core writes.
 *
 *      share                                     own
 *          cpu->sharing = lock   (locked)            wait for a ticket      (locked)
 *          is it owned?                              is_owned = true        (fence)
 *              no: in                                for each core: until cpu->sharing != lock
 *              yes: note away, wait for a ticket,    ...
 *                   note back, ticket on             is_owned = false, ticket on
 *
 *   L1  Both write, then look, with a full fence in between: at least one of two sees the other. If both do, the sharer gives
 *       way, so they never wait for each other.
 *   L2  Tickets are served in order, to owners and to sharers who met an owner: neither starves the other. A sharer who waits
 *       for his ticket keeps no other sharer out, so a queue dissolves when the last owner has gone.
 *   L3  Both wait polling, so a sharer who waits for TLB acknowledgements gets that of a core that waits for him.
 *
 * No check of a stopped machine tells: sharer and owner may both be stopped between their note and their look. The proof is
 * test_shared_lock, with threads of the host.
 *
 * The same exchange as between a core's active_root and a TLB flush (S4 of mm/tlb.c), for the same reason: the frequent side writes
 * only what is its own.
 *
 * Rejected: a count per core in each lock (2 KiB per space); a sequence count, since faults write; to take any ticket out for an
 * owner's (a sharer in the queue then sends the next one there, and the queue never ends).
 */
#include "sync/shared_lock.h"

static bool is_sharing(const struct cpu *cpu, const struct shared_lock *lock)
{
    for (unsigned which = 0; which < ARRAY_COUNT(cpu->sharing); which++) {
        if (UNLIKELY(atomic_load_explicit(&cpu->sharing[which], memory_order_acquire) == lock)) {
            return true;
        }
    }
    return false;
}

void shared_lock_begin(struct shared_lock *lock)
{
    bool had_to_wait = false;
    atomic_store_explicit(&lock->is_owned, true, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst); /* L1 */
    const unsigned count = cpu_count();
    for (unsigned cpu = 0; cpu < count; cpu++) {
        while (UNLIKELY(is_sharing(&cpus[cpu], lock))) {
            if (!had_to_wait) {
                spinlock_wait_begins(&lock->spin);
            }
            had_to_wait = true;
            cpu_relax();
            core_poll();
        }
    }
    if (UNLIKELY(had_to_wait)) {
        spinlock_wait_ends(&lock->spin);
    }
}

NOINLINE void shared_lock_queue(struct shared_lock *lock, enum share which)
{
    _Atomic(const struct shared_lock *) *note = &this_cpu()->sharing[which];
    atomic_store_explicit(note, NULL, memory_order_release);
    spinlock_enter(&lock->spin); /* L2 */
    if (CONFIG_DEBUG) {
        lock->spin.holder_pc = (uint64_t)__builtin_return_address(0);
    }
    /* Nobody owns it now, and the next owner's turn comes after the note, from the release below. */
    atomic_store_explicit(note, lock, memory_order_relaxed);
    spinlock_leave(&lock->spin);
}

bool shared_lock_is_shared(const struct shared_lock *lock)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        if (is_sharing(&cpus[cpu], lock)) {
            return true;
        }
    }
    return false;
}
