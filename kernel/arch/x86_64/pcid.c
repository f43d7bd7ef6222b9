/* SPDX-License-Identifier: MIT */
/* Which PCID a root has, and whether what it kept is still true (arch/pcid.h). Pure code, also built on the host. */
#include "arch/pcid.h"

struct pcid_core pcid_cores[CPU_MAX];
bool pcid_in_use;

static atomic_ulong changes[PCID_BUCKETS];
static atomic_ulong kernel_changes;

static atomic_ulong *bucket_of(paddr_t root)
{
    return &changes[root / PAGE_BYTES % PCID_BUCKETS];
}

void pcid_count_change(paddr_t root)
{
    atomic_fetch_add_explicit(root == 0 ? &kernel_changes : bucket_of(root), 1,
                              memory_order_relaxed);
}

/* Both only grow, so their sum is another one when either is. */
static uint64_t count_changes(paddr_t root)
{
    return atomic_load_explicit(bucket_of(root), memory_order_relaxed) +
           atomic_load_explicit(&kernel_changes, memory_order_relaxed);
}

static unsigned find_slot(struct pcid_core *core, paddr_t root)
{
    for (unsigned i = 0; i < PCID_SLOTS; i++) {
        if (core->slot[i].root == root) {
            return i;
        }
    }
    unsigned slot = core->next;
    core->next = (slot + 1) % PCID_SLOTS;
    core->slot[slot].root = 0; /* Q2 */
    return slot;
}

uint64_t pcid_enter(struct pcid_core *core, paddr_t root)
{
    atomic_thread_fence(memory_order_seq_cst); /* Q1 */
    uint64_t now = count_changes(root);
    unsigned slot = find_slot(core, root);
    bool is_true = core->slot[slot].root == root && core->slot[slot].changes == now;
    core->slot[slot].root = root;
    core->slot[slot].changes = now;
    core->kept += is_true;
    core->dropped += !is_true;
    return root | (slot + 1) | (is_true ? PCID_KEEP : 0);
}
