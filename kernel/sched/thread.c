/* SPDX-License-Identifier: MIT */
/* Life and waits of threads. The theory (tickets, T1 to T4) is in thread.h. */
#include "sched/thread.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "base/string.h"
#include "gen/trace_emit.h"
#include "kernel/abi/message.h"
#include "mm/heap.h"
#include "mm/page_table.h"
#include "sched/process.h"
#include "sched/run_queue.h"
#include "sched/switch.h"
#include "sched/thread_impl.h"

#define SLOT_MASK ((1ull << THREAD_SLOT_BITS) - 1)

struct thread *thread_slots[THREAD_MAX];
atomic_uint thread_slot_count = 1; /* slot 0 stays empty: no ticket is 0 */

static struct cache *thread_cache;
static struct thread idle_threads[CPU_MAX];
static atomic_uint last_tid;

void thread_init(void)
{
    thread_cache = cache_create("thread", sizeof(struct thread));
    thread_special_init();
}

static bool give_slot(struct thread *thread)
{
    if (thread->slot != 0) {
        return true; /* memory of an earlier thread: its slot and its tickets go on */
    }
    unsigned slot = atomic_load_explicit(&thread_slot_count, memory_order_relaxed);
    do {
        if (slot == THREAD_MAX) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&thread_slot_count, &slot, slot + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    thread->slot = slot;
    thread->next_ticket = 1ull << THREAD_SLOT_BITS | slot;
    __atomic_store_n(&thread_slots[slot], thread, __ATOMIC_RELEASE);
    return true;
}

/* Everything but slot, tickets and object, which survive reuse or have rules of their own. */
static void reset_fields(struct thread *thread, unsigned priority, int cpu, const char *name)
{
    atomic_store_explicit(&thread->ticket, 0, memory_order_relaxed);
    thread->unusual = 0;
    atomic_store_explicit(&thread->on_cpu, 0, memory_order_relaxed);
    thread->priority = (uint8_t)priority;
    thread->level = (uint8_t)priority;
    thread->queued = (uint8_t)priority;
    thread->pinned = cpu >= 0;
    thread->affinity = cpu >= 0 ? 1u << cpu : UINT32_MAX;
    thread->slice_left = 0;
    thread->ticks = 0;
    thread->count = (struct thread_count){.period = time_period()};
    thread->lent_by = 0;
    thread->wait = TRACE_THREAD_STATE_READY;
    thread->wait_object = NULL;
    thread->served_by = NULL;
    thread->call = 0;
    thread->serving = 0;
    thread->landing[0] = thread->landing[1] = (struct residence){0};
    thread->queued_pins = 0;
    thread->fpu = NULL;
    thread->fs_base = 0;
    thread->gs_base = 0;
    thread->deadline = (struct deadline){0};
    list_init(&thread->run_link);
    list_init(&thread->wait_link);
    list_init(&thread->process_link);
    wait_queue_init(&thread->exit, "thread exit");
    thread->code = 0;
    thread->ended = false;
    string_copy(thread->name, name, sizeof(thread->name));
}

/* First code of a thread on its own stack: the other half of the switch that brought it here. */
static void begin_user(void)
{
    thread_switch_finish();
    struct cpu *cpu = this_cpu();
    if (cpu->work != 0) {
        user_return_work(current_thread()->frame);
    }
}

/* Join the process, unless it is ending, at the cost of its account. */
static status_t join_process(struct process *process, struct thread *thread)
{
    spinlock_acquire(&process->lock);
    status_t status =
        process->ending ? ERR_PEER_CLOSED : quota_charge(process->quota, QUOTA_THREADS, 1);
    if (status == OK) {
        if (process->is_paused) {
            thread_mark_stopped(thread, THREAD_PENDING_PAUSED);
        }
        list_push_back(&process->threads, &thread->process_link);
        process->thread_count++;
        process->started = true;
    }
    spinlock_release(&process->lock);
    return status;
}

status_t thread_create(struct process *process, const struct thread_start *start,
                       struct thread **out)
{
    if (start->priority > process->priority_ceiling || start->cpu >= (int)cpu_count()) {
        return ERR_BAD_ARGUMENT;
    }
    status_t status;
    vaddr_t stack_top = kernel_stack_alloc();
    if (stack_top == 0) {
        return ERR_NO_MEMORY;
    }
    struct thread *thread = cache_alloc(thread_cache);
    if (thread == NULL) {
        status = ERR_NO_MEMORY;
        goto undo_stack;
    }
    if (!give_slot(thread)) {
        status = ERR_TABLE_FULL;
        goto undo_thread;
    }
    reset_fields(thread, start->priority, start->cpu, start->name);
    thread->tid = atomic_fetch_add_explicit(&last_tid, 1, memory_order_relaxed) + 1;
    thread->stack_top = stack_top;
    thread->process = process;
    thread->root = process->root;
    thread->frame = context_init_user(&thread->context, stack_top, begin_user, start->entry,
                                      start->stack, start->argument);
    object_init(&thread->object, OBJECT_THREAD); /* from here on thread_find() sees it */
    /* The second reference is the running thread's own, dropped by thread_reap(). */
    object_get(&thread->object);
    object_get(&process->object);
    status = join_process(process, thread);
    if (status != OK) {
        goto undo_process;
    }
    trace_life_thread_create(thread->tid, process->object.id, thread->priority, thread->name,
                             strlen(thread->name));
    thread->cpu = (uint16_t)sched_choose(thread->affinity);
    trace_sched_thread_wake(TRACE_WAKE_REASON_CREATED, thread->tid, (uint8_t)thread->cpu,
                            thread->priority);
    *out = thread;
    sched_push(thread);
    return OK;

undo_process:
    object_put(&process->object);
    object_discard(&thread->object);
undo_thread:
    cache_free(thread_cache, thread);
undo_stack:
    kernel_stack_free(stack_top);
    return status;
}

struct thread *thread_find(uint32_t tid)
{
    unsigned slots = atomic_load_explicit(&thread_slot_count, memory_order_acquire);
    for (unsigned slot = 0; slot < slots; slot++) {
        struct thread *thread = thread_slots[slot];
        if (thread == NULL || thread->tid != tid || !object_try_get(&thread->object)) {
            continue;
        }
        if (thread->tid == tid) { /* its memory may have become another thread's meanwhile */
            return thread;
        }
        object_put(&thread->object);
    }
    return NULL;
}

struct thread *thread_create_idle(unsigned cpu)
{
    struct thread *idle = &idle_threads[cpu];
    reset_fields(idle, 0, (int)cpu, "idle");
    object_init(&idle->object, OBJECT_THREAD);
    idle->root = TLB_ROOT_ANY;
    idle->cpu = (uint16_t)cpu;
    idle->ticks = -(int64_t)cpu_tsc();
    idle->run = THREAD_RUNNING;
    idle->stack_top = cpus[cpu].kernel_stack_top;
    atomic_store_explicit(&idle->on_cpu, 1, memory_order_relaxed);
    cpus[cpu].idle = idle;
    cpus[cpu].current = idle;
    cpus[cpu].previous = idle;
    atomic_store_explicit(&cpus[cpu].active_root, kernel_page_table.root, memory_order_relaxed);
    return idle;
}

void thread_become_idle(void (*entry)(void *argument), void *argument)
{
    static struct context boot_contexts[CPU_MAX]; /* never gone back to */
    struct thread *idle = this_cpu()->idle;
    vaddr_t stack_top = kernel_stack_alloc();
    VERIFY(stack_top != 0);
    idle->stack_top = stack_top;
    context_init_kernel(&idle->context, stack_top, entry, argument);
    context_switch(&boot_contexts[cpu_id()], &idle->context);
    panic("the boot stack of core %u is in use again", cpu_id());
}

/* Leave the process's page tables for the kernel's, so that they can be torn down. */
static void leave_space(struct thread *self)
{
    self->root = kernel_page_table.root;
    tlb_use_root(this_cpu(), self->root);
}

void thread_exit(uint64_t code)
{
    struct thread *self = current_thread();
    struct process *process = self->process;
    if (atomic_load_explicit(&self->pending, memory_order_acquire) & THREAD_PENDING_KILL) {
        code = self->code; /* pairs with the release in thread_kill() */
    }
    self->code = code;
    trace_life_thread_exit(self->tid, process->object.id);
    leave_space(self);

    process_thread_gone(process, self, code);
    self->run = THREAD_DEAD;
    sched_pick(self, TRACE_THREAD_STATE_DEAD);
    panic("thread %u ran on after its end", self->tid);
}

void thread_reap(struct thread *thread)
{
    vaddr_t stack_top = thread->stack_top;
    struct process *process = thread->process;
    kernel_stack_free(stack_top);
    thread_special_free(thread);
    quota_return(process->quota, QUOTA_THREADS, 1);
    quota_return(process->quota, QUOTA_PINS, thread_pins(thread));
    spinlock_acquire(&thread->exit.lock);
    thread->ended = true;
    wait_queue_wake_all_locked(&thread->exit, TRACE_WAKE_REASON_EXIT);
    spinlock_release(&thread->exit.lock);
    object_put(&thread->object);
    object_put(&process->object);
}

/* thread_destroy() - the last reference is gone; by then it has been reaped. */
void thread_destroy(struct object *object)
{
    cache_free(thread_cache, CONTAINER_OF(object, struct thread, object));
}

/* What every wait does before it leaves the core. True: the wait is over already, cancelled. */
static bool begin_wait(struct thread *self, uint64_t ticket, ns_t deadline)
{
    if (UNLIKELY(atomic_load_explicit(&self->pending, memory_order_relaxed) &
                 THREAD_PENDING_KILL) &&
        thread_claim(self, ticket)) {
        self->run = THREAD_RUNNING;
        /* The kill has only been marked yet, its interrupt may be long in coming: not one instruction of user mode until then. */
        this_cpu()->work |= CPU_WORK_PENDING;
        return true;
    }
    if (deadline != DEADLINE_FOREVER) {
        deadline_arm(self, ticket, deadline);
        sched_deadline_armed(deadline);
    }
    return false;
}

static status_t end_wait(struct thread *self)
{
    if (self->deadline.armed) {
        deadline_disarm(self);
    }
    return self->wake_status;
}

status_t thread_wait(struct thread *self, uint64_t ticket, ns_t deadline)
{
    if (begin_wait(self, ticket, deadline)) {
        return ERR_CANCELLED;
    }
    sched_pick(self, self->wait);
    return end_wait(self);
}

status_t thread_hand_over_slow(struct thread *self, uint64_t ticket, ns_t deadline,
                               struct thread *to, status_t status, enum trace_wake_reason reason)
{
    if (!thread_may_run_here(to)) {
        thread_ready(to, status, reason);
        return thread_wait(self, ticket, deadline);
    }
    if (begin_wait(self, ticket, deadline)) {
        thread_ready(to, status, reason);
        return ERR_CANCELLED;
    }
    to->wake_status = status;
    thread_switch(self, to, self->wait, TRACE_SWITCH_REASON_HANDOFF);
    return end_wait(self);
}

bool thread_cancel(struct thread *thread)
{
    uint64_t ticket = atomic_load_explicit(&thread->ticket, memory_order_acquire);
    if (ticket == 0 || !thread_claim(thread, ticket)) {
        return false;
    }
    thread_ready(thread, ERR_CANCELLED, TRACE_WAKE_REASON_CANCELLED);
    return true;
}
