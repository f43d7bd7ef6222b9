/* SPDX-License-Identifier: MIT */
/*
 * check: do the invariants hold? Those of the scheduler and the trace are checked here through
 * the target; mm brings its own, which read live memory.
 *
 * A machine is stopped anywhere. What is protected by a held lock is being changed and is left
 * out, with a word. What a core changes without a lock because it is its own (caches of frames
 * and objects) cannot be told: before believing a finding about mm, look with `bt all` whether a
 * core stands inside the allocator.
 */
#include "arch/interrupt.h"
#include "arch/pcid.h"
#include "kdebug/cmd/handle.h"
#include "kdebug/cmd/lock.h"
#include "kdebug/cmd/trace_reader.h"
#include "kdebug/core/list_walk.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"
#include "ipc/mailbox.h"
#include "irq/interrupt.h"
#include "mm/frame_impl.h"
#include "mm/heap_impl.h"
#include "mm/tlb_impl.h"
#include "sched/run_queue.h"
#include "sync/spinlock.h"
#include "vm/space_impl.h"

static unsigned violations;

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            violations++;                                                                          \
            kd_print("  BROKEN: ");                                                                \
            kd_print(__VA_ARGS__);                                                                 \
            kd_print("\n");                                                                        \
        }                                                                                          \
    } while (0)

/* A structure whose lock is held is being changed. */
static bool is_changing(vaddr_t lock, const char *what, uint64_t which)
{
    struct spinlock copy;
    kd_fetch(lock, &copy, sizeof(copy), "lock");
    if (spinlock_is_held(&copy)) {
        kd_print("  (%s %llu is being changed: its lock is held)\n", what,
                 (unsigned long long)which);
        return true;
    }
    return false;
}

/* A run queue's bit map, counters and lists agree, and who is queued is ready (T3 of
 * sched/thread.h). */
static void check_run_queue(unsigned cpu)
{
    struct run_queue queue;
    vaddr_t address = KD_GLOBAL(run_queues) + cpu * sizeof(queue);
    unsigned queued = 0;
    kd_fetch(address, &queue, sizeof(queue), "run queue");
    if (queue.lock.name == NULL) {
        kd_print("  (core %u has no run queue yet)\n", cpu);
        return;
    }
    if (is_changing(address + offsetof(struct run_queue, lock), "run queue", cpu)) {
        return;
    }
    for (unsigned level = 0; level < LEVEL_COUNT; level++) {
        struct kd_list_walk walk;
        vaddr_t node;
        unsigned here = 0;
        kd_list_begin(&walk,
                      address + offsetof(struct run_queue, level) + level * sizeof(struct list));
        while (kd_list_next(&walk, &node)) {
            struct thread thread;
            kd_fetch(node - offsetof(struct thread, run_link), &thread, sizeof(thread), "thread");
            CHECK(thread.queued == level,
                  "T3: thread %u, queued at level %u, is in level %u of core %u", thread.tid,
                  thread.queued, level, cpu);
            CHECK(thread.cpu == cpu, "T3: thread %u of core %u is queued on core %u", thread.tid,
                  thread.cpu, cpu);
            CHECK(thread.run == THREAD_READY, "T3: thread %u is queued and not ready", thread.tid);
            CHECK(atomic_load_explicit(&thread.ticket, memory_order_relaxed) == 0,
                  "T1: thread %u is in the run queue of core %u and has a ticket", thread.tid, cpu);
            here++;
        }
        CHECK((here != 0) == (queue.levels >> level & 1),
              "level %u of core %u has %u threads, its bit says otherwise", level, cpu, here);
        queued += here;
    }
    CHECK(queued == queue.ready, "core %u counts %u ready threads and has %u", cpu, queue.ready,
          queued);
}

static void check_run_queues(void)
{
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        check_run_queue(cpu);
    }
}

static bool check_process(vaddr_t process, void *context UNUSED)
{
    struct kd_list_walk walk;
    vaddr_t node;
    uint32_t count, counted = 0, pid;
    kd_fetch(process + offsetof(struct process, thread_count), &count, sizeof(count), "process");
    kd_fetch(process + offsetof(struct process, object) + offsetof(struct object, id), &pid,
             sizeof(pid), "process");
    if (is_changing(process + offsetof(struct process, lock), "process", pid)) {
        return true;
    }
    kd_list_begin(&walk, process + offsetof(struct process, threads));
    while (kd_list_next(&walk, &node)) {
        vaddr_t thread = node - offsetof(struct thread, process_link);
        CHECK(kd_fetch_word(thread + offsetof(struct thread, process), "thread") == process,
              "a thread in the list of process %u belongs to another", pid);
        counted++;
    }
    CHECK(counted == count, "process %u counts %u threads and has %u", pid, count, counted);
    return true;
}

static void check_processes(void)
{
    kd_each_process(check_process, NULL);
}

/* One handle table: what its entries say of each other and of their objects (H1, H3 of object/handle.h). */
struct table_count {
    uint32_t pid, open;
};

static bool check_entry(vaddr_t address UNUSED, const struct handle_entry *entry, void *context)
{
    struct table_count *count = context;
    struct object object;
    unsigned long long handle = atomic_load_explicit(&entry->handle, memory_order_relaxed);
    count->open++;
    kd_fetch((vaddr_t)entry->object, &object, sizeof(object), "object");
    unsigned refs = atomic_load_explicit(&object.refs, memory_order_relaxed);
    unsigned handles = atomic_load_explicit(&object.handles, memory_order_relaxed);
    CHECK(object.type == handle_type(entry),
          "handle %llx of process %u: type %u, its object has %u", handle, count->pid,
          handle_type(entry), object.type);
    CHECK(refs >= handles && handles > 0,
          "handle %llx of process %u: its object has %u references and %u handles", handle,
          count->pid, refs, handles);
    CHECK((entry->rights & ~object_rights_all(object.type)) == 0,
          "handle %llx of process %u has rights %x that its type does not know", handle, count->pid,
          entry->rights);
    CHECK((entry->lease != NULL) == ((entry->type & HANDLE_LEASED) != 0),
          "H3: handle %llx of process %u and its lease disagree", handle, count->pid);
    return true;
}

struct pin_count {
    vaddr_t process;
    uint64_t pages;
};

static bool count_pins(vaddr_t address UNUSED, const struct thread *thread, void *context)
{
    struct pin_count *count = context;
    if ((vaddr_t)thread->process == count->process && thread->run != THREAD_DEAD) {
        count->pages += thread_pins(thread);
    }
    return true;
}

/* P1 of ipc/pins.h */
static void check_pins(vaddr_t process, uint32_t pid, const struct quota *quota)
{
    struct pin_count count = {.process = process};
    kd_each_thread(count_pins, &count);
    CHECK(atomic_load_explicit(&quota->item[QUOTA_PINS].used, memory_order_relaxed) >= count.pages,
          "P1: threads of process %u hold %llu pages pinned, its account fewer", pid,
          (unsigned long long)count.pages);
}

/* Ended processes hold nothing; accounts hold at least what their processes show. */
static bool check_table(vaddr_t process, void *context UNUSED)
{
    struct table_count count = {0};
    uint32_t used;
    bool ended;
    struct quota quota = {0};
    kd_fetch(process + offsetof(struct process, object) + offsetof(struct object, id), &count.pid,
             sizeof(count.pid), "process");
    kd_fetch(process + offsetof(struct process, ended), &ended, sizeof(ended), "process");
    kd_fetch(process + offsetof(struct process, handles) + offsetof(struct handle_table, used),
             &used, sizeof(used), "handle table");
    if (is_changing(process + offsetof(struct process, handles) +
                        offsetof(struct handle_table, lock),
                    "handle table of process", count.pid)) {
        return true;
    }
    kd_each_handle(process, check_entry, &count);
    CHECK(count.open == used, "process %u counts %u handles and has %u", count.pid, used,
          count.open);
    CHECK(!ended || used == 0, "process %u has ended and holds %u handles", count.pid, used);
    vaddr_t payer = kd_fetch_word(process + offsetof(struct process, quota), "process");
    if (payer != 0) {
        kd_fetch(payer, &quota, sizeof(quota), "quota");
        for (unsigned kind = 0; kind < QUOTA_KINDS; kind++) {
            CHECK(atomic_load_explicit(&quota.item[kind].used, memory_order_relaxed) <=
                      quota.item[kind].limit,
                  "Q1: the account of process %u is over its limit of kind %u", count.pid, kind);
        }
        CHECK(atomic_load_explicit(&quota.item[QUOTA_HANDLES].used, memory_order_relaxed) >= used,
              "Q2: process %u has %u handles, its account fewer", count.pid, used);
        check_pins(process, count.pid, &quota);
    }
    return true;
}

static void check_objects(void)
{
    kd_each_process(check_table, NULL);
}

/* N2 of irq/interrupt.h, and nobody sleeps on what has come. */
static void check_interrupts(void)
{
    static struct interrupt all[INTERRUPT_VECTORS]; /* vector 0: a place not in use */
    for (unsigned i = 0; i < INTERRUPT_VECTORS; i++) {
        vaddr_t address =
            kd_fetch_word(KD_GLOBAL(interrupt_vectors) + i * sizeof(vaddr_t), "vectors");
        all[i].vector = 0;
        if (address == 0 || is_changing(address + offsetof(struct interrupt, waiters.lock),
                                        "interrupt of vector", VECTOR_IRQ_BASE + i)) {
            continue;
        }
        kd_fetch(address, &all[i], sizeof(all[i]), "interrupt");
        vaddr_t first =
            kd_fetch_word(address + offsetof(struct interrupt, waiters.waiters), "list");
        CHECK(all[i].object.type == OBJECT_INTERRUPT && all[i].vector == VECTOR_IRQ_BASE + i,
              "N2: vector %x leads to an object of type %u with vector %x", VECTOR_IRQ_BASE + i,
              all[i].object.type, all[i].vector);
        CHECK(all[i].state != INTERRUPT_RAISED ||
                  first == address + offsetof(struct interrupt, waiters.waiters),
              "vector %x is raised and somebody waits for it", VECTOR_IRQ_BASE + i);
        for (unsigned other = 0; other < i; other++) {
            CHECK(all[other].vector == 0 || all[i].gsi == INTERRUPT_MESSAGE ||
                      all[i].gsi != all[other].gsi,
                  "N2: vectors %x and %x have line %u", all[other].vector, all[i].vector,
                  all[i].gsi);
        }
    }
}

/* Somebody in a list of a mailbox whose wait is not over. */
static bool has_waiter(vaddr_t head)
{
    struct kd_list_walk walk;
    vaddr_t node;
    kd_list_begin(&walk, head);
    while (kd_list_next(&walk, &node)) {
        struct thread thread;
        kd_fetch(node - offsetof(struct thread, wait_link), &thread, sizeof(thread), "thread");
        if (atomic_load_explicit(&thread.ticket, memory_order_relaxed) != 0) {
            return true;
        }
    }
    return false;
}

/* A thread that waits in a mailbox: M1, M4 and M7 of ipc/mailbox.c. */
static bool check_message_wait(vaddr_t address, const struct thread *thread, void *context UNUSED)
{
    bool calls = thread->wait == TRACE_THREAD_STATE_CALL;
    bool is_served = thread->wait == TRACE_THREAD_STATE_REPLY;
    bool receives = thread->wait == TRACE_THREAD_STATE_RECEIVE;
    vaddr_t at = (vaddr_t)thread->wait_object;
    struct mailbox mailbox;
    if (thread->run != THREAD_BLOCKED || !(calls || is_served || receives) ||
        atomic_load_explicit(&thread->ticket, memory_order_relaxed) == 0 ||
        is_changing(at + offsetof(struct mailbox, lock), "mailbox of thread", thread->tid)) {
        return true;
    }
    kd_fetch(at, &mailbox, sizeof(mailbox), "mailbox");
    CHECK(mailbox.object.type == OBJECT_MAILBOX, "thread %u waits in an object of type %u",
          thread->tid, mailbox.object.type);
    CHECK((vaddr_t)thread->wait_link.next != address + offsetof(struct thread, wait_link),
          "M1: thread %u waits in mailbox %u and is on none of its lists", thread->tid,
          mailbox.object.id);
    CHECK(is_served == ((vaddr_t)thread->served_by == at),
          "M1: thread %u of mailbox %u: its state and its list disagree", thread->tid,
          mailbox.object.id);
    CHECK(!mailbox.closed, "M4: thread %u waits in mailbox %u, which is closed", thread->tid,
          mailbox.object.id);
    CHECK(!calls || !has_waiter(at + offsetof(struct mailbox, receivers)),
          "M7: thread %u and a receiver both wait in mailbox %u", thread->tid, mailbox.object.id);
    return true;
}

static void check_ipc(void)
{
    kd_each_thread(check_message_wait, NULL);
}

struct subbuf_count {
    uint64_t records;
};

static bool count_record(const struct kd_record *record UNUSED, void *context)
{
    ((struct subbuf_count *)context)->records++;
    return true;
}

/* L3 of trace/ring/layout.h: events of a lane = first_event of its newest sub-buffer + records in
 * that. A core may have been stopped in a commit, which counts the event before it moves the
 * position. */
static void check_lane(const struct kd_lane *lane)
{
    static uint64_t words[TRACE_SUBBUF_BYTES / 8];
    uint64_t oldest, newest;
    if (!kd_lane_span(lane, &oldest, &newest)) {
        return;
    }
    size_t bytes = kd_subbuf_read(lane, newest, words);
    CHECK(bytes != 0, "lane %u: the newest sub-buffer has no sound header", lane->index);
    struct subbuf_count count = {0};
    kd_subbuf_each(words, bytes, count_record, &count);
    uint64_t expected = ((const struct trace_subbuf *)words)->first_event + count.records;
    CHECK(bytes == 0 || lane->control.events - expected <= 1,
          "L3: lane %u counts %llu events, its sub-buffers say %llu", lane->index,
          (unsigned long long)lane->control.events, (unsigned long long)expected);
}

static void check_trace(void)
{
    struct trace_region region;
    vaddr_t address = kd_region_read(&region);
    for (unsigned i = 0; i < region.lane_count; i++) {
        struct kd_lane lane;
        if (kd_lane_open(address, &region, i, &lane)) {
            check_lane(&lane);
        }
    }
}

/* S5 of mm/tlb.c: the page tables that a core has are somebody's. */
struct root_search {
    paddr_t root;
    bool found;
};

static bool match_root(vaddr_t process, void *context)
{
    struct root_search *search = context;
    search->found |=
        kd_fetch_word(process + offsetof(struct process, root), "process") == search->root;
    return !search->found;
}

static void check_roots(void)
{
    paddr_t kernel = kd_fetch_word(KD_GLOBAL(kernel_page_table) + offsetof(struct page_table, root),
                                   "page table");
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        vaddr_t at = KD_GLOBAL(cpus) + cpu * sizeof(struct cpu) + offsetof(struct cpu, active_root);
        struct root_search search = {.root = kd_fetch_word(at, "core")};
        search.found = search.root == TLB_ROOT_CHANGING || search.root == kernel;
        kd_each_process(match_root, &search);
        CHECK(search.found, "S5: core %u has page tables at 0x%llx, which are no process's", cpu,
              (unsigned long long)search.root);
    }
}

static bool has_slot(const struct pcid_core *core, paddr_t root, unsigned first)
{
    for (unsigned i = first; i < PCID_SLOTS; i++) {
        if (core->slot[i].root == root) {
            return true;
        }
    }
    return false;
}

/* Q2 of arch/pcid.h: a root has one PCID of a core's, and the one in CR3 has one. */
static void check_pcids(void)
{
    paddr_t kernel = kd_fetch_word(KD_GLOBAL(kernel_page_table) + offsetof(struct page_table, root),
                                   "page table");
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        struct pcid_core core;
        vaddr_t at = KD_GLOBAL(cpus) + cpu * sizeof(struct cpu) + offsetof(struct cpu, active_root);
        paddr_t active = kd_fetch_word(at, "core");
        kd_fetch(KD_GLOBAL(pcid_cores) + cpu * sizeof(core), &core, sizeof(core), "PCIDs");
        for (unsigned i = 0; i < PCID_SLOTS; i++) {
            paddr_t root = core.slot[i].root;
            CHECK(root == 0 || !has_slot(&core, root, i + 1),
                  "Q2: core %u has two PCIDs for root 0x%llx", cpu, (unsigned long long)root);
        }
        CHECK(core.dropped == 0 || active == TLB_ROOT_CHANGING || active == kernel ||
                  has_slot(&core, active, 0),
              "Q2: core %u has no PCID for its root 0x%llx", cpu, (unsigned long long)active);
    }
}

/* S2 of mm/tlb.c: who is to answer is waited for. */
static void check_shootdowns(void)
{
    struct tlb_core cores[CPU_MAX];
    unsigned count = MIN(kd_target->cpu_count(), CPU_MAX);
    kd_fetch(KD_GLOBAL(tlb_cores), cores, count * sizeof(cores[0]), "TLB cores");
    for (unsigned target = 0; target < count; target++) {
        unsigned pending = atomic_load_explicit(&cores[target].pending, memory_order_relaxed);
        for (; pending != 0; pending &= pending - 1) {
            unsigned asker = (unsigned)__builtin_ctz(pending);
            unsigned waiting = atomic_load_explicit(&cores[asker].waiting, memory_order_relaxed);
            CHECK(waiting >> target & 1, "S2: core %u is asked by core %u, which does not wait",
                  target, asker);
        }
    }
}

/* V1 to V4 of each process's space, P1, P2 and O2, A2 to A4, O1, O3, O4 and Z2 of the areas in it. One that is being made or torn down has no thread. */
static bool check_space(vaddr_t address, void *context UNUSED)
{
    char why[160];
    const struct process *process = (const struct process *)address;
    uint32_t pid = process->object.id;
    if (process->space == NULL || process->thread_count == 0 ||
        is_changing((vaddr_t)&process->space->lock, "space of process", pid)) {
        return true;
    }
    if (kd_lock_is_shared((vaddr_t)&process->space->lock)) {
        kd_print("  (space of process %u is being changed: a fault is under way)\n", pid);
        return true;
    }
    CHECK(space_check(process->space, why, sizeof(why)), "space of process %u: %s", pid, why);
    return true;
}

static void check_mm(void)
{
    char why[160];
    if (!kd_target->live) {
        kd_print("  (needs a live machine)\n");
        return;
    }
    for (unsigned zone = 0; zone < FRAME_ZONES; zone++) {
        if (is_changing(KD_GLOBAL(frame_zones) + zone * sizeof(struct frame_zone) +
                            offsetof(struct frame_zone, lock),
                        "frame zone", zone)) {
            return;
        }
    }
    CHECK(frame_check(why, sizeof(why)), "frames: %s", why);
    CHECK(heap_check(why, sizeof(why)), "heap: %s", why);
    check_roots();
    check_shootdowns();
    check_pcids();
    kd_each_process(check_space, NULL);
}

static const struct {
    const char *name;
    void (*check)(void);
} checks[] = {{"sched", check_run_queues},
              {"process", check_processes},
              {"object", check_objects},
              {"ipc", check_ipc},
              {"irq", check_interrupts},
              {"trace", check_trace},
              {"mm", check_mm}};

static void run_check(struct kd_call *call)
{
    bool any = kd_arg_is_end(call);
    bool all = any;
    violations = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(checks); i++) {
        if (all || kd_arg_accept(call, checks[i].name)) {
            kd_print("check %s\n", checks[i].name);
            checks[i].check();
            any = true;
        }
    }
    kd_arg_done(call);
    if (!any) {
        kd_fail_usage(call);
    }
    kd_print("check: %u broken\n", violations);
}
KD_COMMAND(check, .usage = "[sched process object ipc irq trace mm]",
           .help = "do the invariants hold? A held lock may excuse one that does not",
           .flags = KD_READS, .run = run_check);
