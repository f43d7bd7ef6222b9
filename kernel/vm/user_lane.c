/* SPDX-License-Identifier: MIT */
/*
 * Lanes of programs: see user_lane.h.
 *
 * A writer may be held up between taking a number and committing it. Its slot is waited for until half of the ring is beyond
 * it, then it is counted as lost; if it comes later still, its mark is an old one and its slot another's, who is lost, too.
 */
#include "vm/user_lane.h"

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "base/hooks.h"
#include "base/string.h"
#include "gen/trace_emit.h"
#include "kernel/abi/memory.h"
#include "sched/thread.h"
#include "sync/spinlock.h"
#include "trace/ring/ring.h"
#include "vm/area.h"
#include "vm/space.h"

#define COLLECT_MAX  64u /* records with interrupts off */
#define PATIENCE     (USER_TRACE_SLOTS / 2)
#define ID_MASK      ((1u << USER_TRACE_ID_BITS) - 1)
#define HIGHEST_KIND TRACE_USER_KIND_FLOW_IN

struct user_lane user_lanes[USER_LANES_MAX];
static atomic_uint lanes_open; /* so that the end of a process without one is told so at once */
static struct spinlock user_lanes_lock = SPINLOCK_INIT("user lanes", LOCK_RANK_USER_LANES);

static uint64_t look(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* A copy of the slot of record n. False: it is not committed, or was being written to. */
static bool copy_slot(const struct user_lane *lane, uint64_t n, struct user_trace_slot *out)
{
    const volatile struct user_trace_slot *slot = &lane->shared->slot[n % USER_TRACE_SLOTS];
    if (look((const uint64_t *)&slot->mark) != n + 1) {
        return false;
    }
    out->time = slot->time;
    out->value = slot->value;
    out->track = slot->track;
    out->kind_id = slot->kind_id;
    /* Who has gone round took its number before it touched the slot. */
    return look((const uint64_t *)&slot->mark) == n + 1 &&
           look(&lane->shared->next) - n <= USER_TRACE_SLOTS;
}

static bool makes_sense(const struct user_lane *lane, const struct user_trace_slot *slot)
{
    return slot->kind_id >> USER_TRACE_ID_BITS <= HIGHEST_KIND && slot->time >= lane->opened &&
           slot->time <= cpu_tsc();
}

static void record(struct user_lane *lane, const struct user_trace_slot *slot)
{
    if (!makes_sense(lane, slot)) {
        lane->lost++;
        return;
    }
    lane->records++;
    trace_user_record((uint8_t)(slot->kind_id >> USER_TRACE_ID_BITS), lane->process, slot->track,
                      slot->kind_id & ID_MASK, slot->time, slot->value);
}

/* What the writers have gone round and over; a number that is behind ours is a lie, and we follow it. */
static uint64_t skip_overwritten(struct user_lane *lane)
{
    uint64_t next = look(&lane->shared->next);
    if (next - lane->next > USER_TRACE_SLOTS) {
        bool is_ahead = next > lane->next;
        uint64_t oldest = is_ahead ? next - USER_TRACE_SLOTS : next;
        lane->lost += is_ahead ? oldest - lane->next : 0;
        lane->next = oldest;
    }
    return next;
}

/* Some records. False: there are no more. is_last: nobody writes any more. */
static bool collect_some(struct user_lane *lane, bool is_last)
{
    uint64_t lost = lane->lost, next = skip_overwritten(lane);
    unsigned left = COLLECT_MAX;
    for (; left > 0 && lane->next != next; left--, lane->next++) {
        struct user_trace_slot slot;
        if (copy_slot(lane, lane->next, &slot)) {
            record(lane, &slot);
        } else if (is_last || next - lane->next > PATIENCE) {
            lane->lost++;
        } else {
            break;
        }
    }
    if (lane->lost != lost) {
        trace_user_lost(lane->process, lane->lost - lost);
    }
    return left == 0;
}

/* Bounded: a program that writes as fast as we read is not waited for. */
static void collect(struct user_lane *lane, uint32_t process, bool is_last)
{
    bool more = true;
    for (unsigned i = 0; more && i < USER_TRACE_SLOTS / COLLECT_MAX; i++) {
        spinlock_acquire(&user_lanes_lock);
        more = lane->process != 0 && (process == 0 || lane->process == process) &&
               collect_some(lane, is_last);
        spinlock_release(&user_lanes_lock);
        preempt_point();
    }
}

void user_lane_collect(uint32_t process)
{
    for (unsigned i = 0; i < USER_LANES_MAX; i++) {
        collect(&user_lanes[i], process, false);
    }
}

static struct user_lane *find_locked(uint32_t process)
{
    for (struct user_lane *lane = user_lanes; lane < user_lanes + USER_LANES_MAX; lane++) {
        if (lane->process == process) {
            return lane;
        }
    }
    return NULL;
}

static void release_locked(struct user_lane *lane)
{
    lane->process = 0;
    atomic_fetch_sub_explicit(&lanes_open, 1, memory_order_relaxed);
}

void hook_process_gone(uint32_t process)
{
    if (atomic_load_explicit(&lanes_open, memory_order_relaxed) == 0) {
        return;
    }
    spinlock_acquire(&user_lanes_lock);
    struct user_lane *lane = find_locked(process);
    spinlock_release(&user_lanes_lock);
    if (lane != NULL) {
        collect(lane, process, true);
        spinlock_acquire(&user_lanes_lock);
        release_locked(lane);
        spinlock_release(&user_lanes_lock);
    }
}

/* Clears what the owner before has left. */
static void take_locked(struct user_lane *lane, uint32_t process, vaddr_t address)
{
    unsigned index = (unsigned)(lane - user_lanes);
    paddr_t base = trace_user_physical(index);
    *lane = (struct user_lane){
        .process = process, .shared = phys_to_virt(base), .address = address, .opened = cpu_tsc()};
    memset(lane->shared, 0, sizeof(*lane->shared));
    atomic_fetch_add_explicit(&lanes_open, 1, memory_order_relaxed);
}

static status_t show(struct space *space, paddr_t base, vaddr_t *out_address)
{
    struct area *area;
    status_t status =
        area_create_physical(base, USER_TRACE_BYTES, true, AREA_CACHE_WRITE_BACK, &area);
    if (status == OK) {
        const struct space_view view = {.area = area,
                                        .bytes = USER_TRACE_BYTES,
                                        .protection = PROT_READ | PROT_WRITE,
                                        .allowed = PROT_READ | PROT_WRITE};
        status = space_map(space, &view, 0, out_address);
        object_put((struct object *)area);
    }
    return status;
}

status_t user_lane_open(uint32_t process, struct space *space, vaddr_t *out_address)
{
    if (trace_user_physical(0) == 0) {
        return ERR_NO_MEMORY;
    }
    spinlock_acquire(&user_lanes_lock);
    struct user_lane *lane = find_locked(process);
    bool is_new = lane == NULL;
    if (is_new && (lane = find_locked(0)) != NULL) {
        take_locked(lane, process, 0);
    }
    *out_address = lane == NULL ? 0 : lane->address;
    spinlock_release(&user_lanes_lock);
    if (lane == NULL || !is_new) {
        return lane == NULL ? ERR_TABLE_FULL : *out_address == 0 ? ERR_BUSY : OK;
    }
    status_t status = show(space, virt_to_phys(lane->shared), out_address);
    spinlock_acquire(&user_lanes_lock);
    lane->address = *out_address;
    if (status != OK) {
        release_locked(lane);
    }
    spinlock_release(&user_lanes_lock);
    return status;
}
