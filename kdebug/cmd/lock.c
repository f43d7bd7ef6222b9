/* SPDX-License-Identifier: MIT */
/*
 * locks: every spin lock we know how to find, with what it says about itself.
 *
 * There is no list of all locks (it would need a lock). They are found where they live: in the
 * run queues, processes, mailboxes, heap caches and zones, and by symbol for those that are
 * variables of their own.
 */
#include "kdebug/cmd/lock.h"

#include "base/string.h"
#include "ipc/mailbox.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/list_walk.h"
#include "kdebug/core/output.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"
#include "mm/heap_impl.h"
#include "sched/run_queue.h"
#include "sync/shared_lock.h"
#include "vm/space_impl.h"

struct listing {
    struct kd_call *call;
    bool held_only;
};

/* The lock that a core waits for just now, 0: none. */
static vaddr_t awaited_by(unsigned cpu)
{
    return kd_fetch_word(KD_GLOBAL(lock_waits) + cpu * sizeof(struct lock_waits) +
                             offsetof(struct lock_waits, now),
                         "waits of a core");
}

/* What the owner of a lock waits for, 0: nothing, or nobody knows whom. An owner that waits for his own lets those out who share it. */
static vaddr_t awaited_by_owner(vaddr_t lock)
{
    struct spinlock copy;
    kd_fetch(lock, &copy, sizeof(copy), "lock");
    if (!spinlock_is_held(&copy) || copy.owner == 0 || copy.owner > kd_target->cpu_count()) {
        return 0;
    }
    vaddr_t awaited = awaited_by(copy.owner - 1u);
    return awaited == lock ? 0 : awaited;
}

/* Whoever has it waits for a lock whose owner waits ... for this one. */
static bool is_in_cycle(vaddr_t lock)
{
    vaddr_t at = lock;
    for (unsigned i = 0; i < kd_target->cpu_count(); i++) {
        at = awaited_by_owner(at);
        if (at == 0 || at == lock) {
            return at != 0;
        }
    }
    return false;
}

void kd_lock_fetch_name(const char *name, char *to, size_t bytes)
{
    if (kd_read_kernel((vaddr_t)name, to, bytes) != OK) {
        to[0] = '?';
        to[1] = '\0';
    }
    to[bytes - 1] = '\0';
}

unsigned kd_lock_print_cycles(void)
{
    unsigned count = 0;
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        struct spinlock lock;
        char name[32];
        vaddr_t address = awaited_by(cpu);
        if (address == 0 || !is_in_cycle(address)) {
            continue;
        }
        kd_fetch(address, &lock, sizeof(lock), "lock");
        kd_lock_fetch_name(lock.name, name, sizeof(name));
        kd_print("  core %u waits for lock '%s', which core %u has taken at ", cpu, name,
                 lock.owner - 1u);
        kd_print_address(lock.holder_pc);
        kd_print("  CYCLE\n");
        count++;
    }
    return count;
}

/* Who waits for it, under it. */
static void show_waiting(vaddr_t lock)
{
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        if (awaited_by(cpu) == lock) {
            kd_print("                  core %u waits for it%s\n", cpu,
                     is_in_cycle(lock) ? "  CYCLE" : "");
        }
    }
}

static void show_lock(const struct kd_value *value)
{
    struct spinlock lock;
    char name[32];
    kd_fetch(value->bits, &lock, sizeof(lock), "lock");
    kd_lock_fetch_name(lock.name, name, sizeof(name));
    unsigned next = atomic_load_explicit(&lock.next, memory_order_relaxed);
    unsigned serving = atomic_load_explicit(&lock.serving, memory_order_relaxed);
    kd_print("%-16s  %4u  %-5s  %7u  %12llu  %9u  ", name, lock.rank,
             next == serving ? "free" : "HELD", next == serving ? 0 : next - serving - 1,
             (unsigned long long)lock.acquired, lock.contended);
    if (next != serving && lock.owner != 0) {
        kd_print("core %u at ", lock.owner - 1);
        kd_print_address(lock.holder_pc);
    } else if (next != serving) {
        kd_print("owner not recorded");
    }
    kd_print("\n");
    show_waiting(value->bits);
}

static const struct kd_type kd_type_lock = {
    .name = "lock",
    .structure = "spinlock",
    .header = "NAME              RANK  STATE  WAITERS      ACQUIRED  CONTENDED  OWNER",
    .show = show_lock,
};

bool kd_lock_is_shared(vaddr_t lock)
{
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        vaddr_t notes = KD_GLOBAL(cpus) + cpu * sizeof(struct cpu) + offsetof(struct cpu, sharing);
        if (kd_fetch_word(notes, "core") == lock ||
            kd_fetch_word(notes + sizeof(vaddr_t), "core") == lock) {
            return true;
        }
    }
    return false;
}

static void list_lock(const struct listing *listing, vaddr_t address)
{
    struct spinlock lock;
    kd_fetch(address, &lock, sizeof(lock), "lock");
    if (!listing->held_only || spinlock_is_held(&lock)) {
        kd_emit(listing->call, kd_value_of(address, &kd_type_lock));
    }
}

static void list_static_locks(const struct listing *listing)
{
    /* Variables that are a lock or begin with one. */
    static const char *const names[] = {"console_lock",    "trace_switch_lock", "user_lanes_lock",
                                        "rendezvous_lock", "process_list_lock", "meta_lock",
                                        "finished",        "readers",           "selftest_a",
                                        "selftest_b"};
    struct kd_symbol symbol;
    for (unsigned i = 0; i < ARRAY_COUNT(names); i++) {
        if (kd_symbol_named(names[i], strlen(names[i]), 0, &symbol)) {
            list_lock(listing, symbol.address);
        }
    }
}

static bool list_process_locks(vaddr_t process, void *context)
{
    list_lock(context, process + offsetof(struct process, lock));
    list_lock(context,
              process + offsetof(struct process, handles) + offsetof(struct handle_table, lock));
    list_lock(context,
              process + offsetof(struct process, exit) + offsetof(struct wait_queue, lock));
    vaddr_t space = kd_fetch_word(process + offsetof(struct process, space), "process");
    if (space != 0) {
        list_lock(context, space + offsetof(struct space, lock));
    }
    return true;
}

static void list_heap_locks(const struct listing *listing)
{
    struct kd_list_walk walk;
    vaddr_t node;
    kd_list_begin(&walk, KD_GLOBAL(heap_caches));
    while (kd_list_next(&walk, &node)) {
        list_lock(listing, node - offsetof(struct cache, all_link) + offsetof(struct cache, lock));
    }
}

static void run_locks(struct kd_call *call)
{
    bool order = kd_arg_accept(call, "order");
    struct listing listing = {.call = call, .held_only = !order && kd_arg_accept(call, "held")};
    kd_arg_done(call);
    if (order) {
        kd_lock_list_orders(call);
        return;
    }
    list_static_locks(&listing);
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        vaddr_t queue = KD_GLOBAL(run_queues) + cpu * sizeof(struct run_queue);
        list_lock(&listing, queue + offsetof(struct run_queue, lock));
        list_lock(&listing, queue + offsetof(struct run_queue, timer_lock));
    }
    for (unsigned zone = 0; zone < FRAME_ZONES; zone++) {
        list_lock(&listing, KD_GLOBAL(frame_zones) + zone * sizeof(struct frame_zone) +
                                offsetof(struct frame_zone, lock));
    }
    list_heap_locks(&listing);
    kd_each_process(list_process_locks, &listing);
}
KD_COMMAND(locks, .usage = "[held | order]",
           .help = "spin locks: owner, waiters, how often taken and waited for; order: which was "
                   "taken while which was held, and where first (debug builds)",
           .flags = KD_READS | KD_GIVES, .run = run_locks);
