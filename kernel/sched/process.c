/* SPDX-License-Identifier: MIT */
/*
 * Processes: creation, and an end that gives everything back.
 *
 * The end. process_kill() marks the process, and every thread as pending; a rendezvous then makes sure that each core has either seen
 * the mark or published the ticket of the wait it is entering (T4); tickets are claimed. Threads leave one by one through
 * thread_exit(). Whoever leaves last, on the kernel's page tables, closes the handles and destroys the space in its own context,
 * where long work may be preempted, and then wakes who waits for the end. Nothing is left to a reaper.
 */
#include "sched/process.h"

#include "base/assert.h"
#include "base/hooks.h"
#include "base/string.h"
#include "gen/trace_emit.h"
#include "mm/heap.h"
#include "sched/feedback.h"
#include "sync/rendezvous.h"
#include "vm/space.h"

struct list process_list = LIST_INIT(process_list);
struct spinlock process_list_lock = SPINLOCK_INIT("process list", LOCK_RANK_PROCESS_LIST);

static struct cache *process_cache;

void process_init(void)
{
    process_cache = cache_create("process", sizeof(struct process));
}

/* Whoever creates a process shares its account with it (object/quota.h). */
static struct quota *creators_quota(void)
{
    struct process *creator = current_thread()->process;
    return creator == NULL ? &quota_root : creator->quota;
}

status_t process_create(const char *name, struct process **out)
{
    struct process *process = cache_alloc(process_cache);
    if (process == NULL) {
        return ERR_NO_MEMORY;
    }
    struct space *space;
    status_t status = space_create(&space);
    if (status != OK) {
        cache_free(process_cache, process);
        return status;
    }
    process->space = space;
    process->root = space_root(space);
    process->quota = quota_get(creators_quota());
    handle_table_init(&process->handles, process->quota);
    spinlock_init(&process->lock, "process", LOCK_RANK_PROCESS);
    list_init(&process->threads);
    process->thread_count = 0;
    process->space_users = 0;
    process->priority_ceiling = LEVEL_FEEDBACK_TOP;
    process->supervisor = NULL;
    process->started = false;
    process->is_resident = false;
    process->is_paused = false;
    process->has_reserve = false;
    process->ending = false;
    process->ended = false;
    process->code = 0;
    process->fault = 0;
    process->ticks_of_ended = 0;
    wait_queue_init(&process->exit, "process exit");
    string_copy(process->name, name, sizeof(process->name));
    object_init(&process->object, OBJECT_PROCESS);
    spinlock_acquire(&process_list_lock);
    list_push_back(&process_list, &process->all_link);
    spinlock_release(&process_list_lock);
    uint32_t creator = 0;
    if (current_thread()->process != NULL) {
        creator = current_thread()->process->object.id;
    }
    trace_life_process_create(process->object.id, creator, process->name, strlen(process->name));
    *out = process;
    return OK;
}

void process_set_supervisor(struct process *process, struct object *mailbox, uint64_t badge)
{
    if (mailbox != NULL) {
        object_get(mailbox);
    }
    spinlock_acquire(&process->lock);
    struct object *before = process->supervisor;
    process->supervisor = mailbox;
    process->supervisor_badge = badge;
    spinlock_release(&process->lock);
    if (before != NULL) {
        object_put(before);
    }
}

struct object *process_supervisor_get(struct process *process, uint64_t *out_badge)
{
    if (process->supervisor == NULL) {
        return NULL; /* the common case takes no lock */
    }
    spinlock_acquire(&process->lock);
    struct object *supervisor = process->supervisor;
    if (supervisor != NULL) {
        object_get(supervisor);
        *out_badge = process->supervisor_badge;
    }
    spinlock_release(&process->lock);
    return supervisor;
}

status_t process_set_ceiling(struct process *process, unsigned priority)
{
    const struct process *own = current_thread()->process;
    unsigned limit = own == NULL ? THREAD_PRIORITIES - 1 : own->priority_ceiling;
    if (priority > limit) {
        return ERR_RANGE;
    }
    process->priority_ceiling = (uint8_t)priority;
    return OK;
}

status_t process_set_quota(struct process *process, const uint64_t limit[QUOTA_KINDS])
{
    struct quota *quota;
    status_t status = quota_create(creators_quota(), limit, &quota);
    if (status != OK) {
        return status;
    }
    spinlock_acquire(&process->lock);
    status = process->started ? ERR_BUSY : handle_table_pay_by(&process->handles, quota);
    if (status == OK) {
        struct quota *before = process->quota;
        process->quota = quota;
        quota = before;
    }
    spinlock_release(&process->lock);
    quota_put(quota); /* the one that is not used any more */
    return status;
}

void process_get_quota(struct process *process, enum quota_kind kind, uint64_t *out_used,
                       uint64_t *out_limit)
{
    spinlock_acquire(&process->lock);
    *out_used = atomic_load_explicit(&process->quota->item[kind].used, memory_order_relaxed);
    *out_limit = process->quota->item[kind].limit;
    spinlock_release(&process->lock);
}

/* Give everything back and tell who waits. Exactly one caller: who made the process ending with nobody left in it. */
static void tear_down(struct process *process)
{
    hook_process_gone(process->object.id);
    handle_table_close(&process->handles);
    ASSERT(process->handles.used == 0);
    space_destroy(process->space);
    process->space = NULL;
    trace_life_process_exit((uint8_t)process->fault, process->object.id, (uint32_t)process->code);
    spinlock_acquire(&process->exit.lock);
    process->ended = true;
    wait_queue_wake_all_locked(&process->exit, TRACE_WAKE_REASON_EXIT);
    spinlock_release(&process->exit.lock);
}

static bool is_deserted_locked(const struct process *process)
{
    return process->ending && process->thread_count == 0 && process->space_users == 0;
}

struct space *process_space_get(struct process *process)
{
    spinlock_acquire(&process->lock);
    bool alive = !process->ending;
    if (alive) {
        process->space_users++;
    }
    spinlock_release(&process->lock);
    return alive ? process->space : NULL;
}

void process_space_put(struct process *process)
{
    spinlock_acquire(&process->lock);
    process->space_users--;
    bool deserted = is_deserted_locked(process);
    spinlock_release(&process->lock);
    if (deserted) {
        tear_down(process);
    }
}

void process_thread_gone(struct process *process, struct thread *thread, uint64_t code)
{
    spinlock_acquire(&process->lock);
    list_remove(&thread->process_link);
    process->ticks_of_ended += thread_ticks(thread);
    if (--process->thread_count == 0 && !process->ending) {
        process->ending = true;
        process->code = code;
    }
    bool deserted = is_deserted_locked(process);
    spinlock_release(&process->lock);
    if (deserted) {
        tear_down(process);
    }
}

static void nothing(void *argument)
{
    (void)argument;
}

void process_kill(struct process *process, uint64_t code, uint32_t fault)
{
    /* The caller may be one of its threads, also when another core was first: it must not reach user mode again. */
    this_cpu()->work |= CPU_WORK_PENDING;
    spinlock_acquire(&process->lock);
    bool first = !process->ending;
    if (first) {
        process->ending = true;
        process->code = code;
        process->fault = fault;
        list_for_each (node, &process->threads) {
            struct thread *thread = LIST_ENTRY(node, struct thread, process_link);
            thread_mark_killed(thread, code);
        }
    }
    bool deserted = is_deserted_locked(process);
    spinlock_release(&process->lock);
    if (!first) {
        return;
    }
    if (deserted) {
        tear_down(process);
        return;
    }
    rendezvous_run(nothing, NULL);
    spinlock_acquire(&process->lock);
    list_for_each (node, &process->threads) {
        thread_cancel(LIST_ENTRY(node, struct thread, process_link));
    }
    spinlock_release(&process->lock);
}

void process_stop(struct process *process, unsigned reason)
{
    this_cpu()->work |= CPU_WORK_PENDING; /* the caller may be in one of them */
    spinlock_acquire(&process->lock);
    process->is_paused |= reason == THREAD_PENDING_PAUSED;
    list_for_each (node, &process->threads) {
        thread_mark_stopped(LIST_ENTRY(node, struct thread, process_link), reason);
    }
    spinlock_release(&process->lock);
    rendezvous_run(nothing, NULL);
}

void process_go_on(struct process *process, unsigned reason)
{
    spinlock_acquire(&process->lock);
    process->is_paused &= reason != THREAD_PENDING_PAUSED;
    list_for_each (node, &process->threads) {
        thread_go_on(LIST_ENTRY(node, struct thread, process_link), reason);
    }
    spinlock_release(&process->lock);
}

struct process *process_find(uint32_t id)
{
    struct process *found = NULL;
    spinlock_acquire(&process_list_lock);
    list_for_each (node, &process_list) {
        struct process *process = LIST_ENTRY(node, struct process, all_link);
        if (process->object.id == id && process->started && object_try_get(&process->object)) {
            found = process;
            break;
        }
    }
    spinlock_release(&process_list_lock);
    return found;
}

/* The list is not in the order of ids, which are taken before its lock. */
static struct process *nearest_locked(uint32_t id)
{
    struct process *nearest = NULL;
    list_for_each (node, &process_list) {
        struct process *process = LIST_ENTRY(node, struct process, all_link);
        if (process->object.id >= id &&
            (nearest == NULL || process->object.id < nearest->object.id)) {
            nearest = process;
        }
    }
    return nearest;
}

struct process *process_from(uint32_t id)
{
    struct process *found;
    spinlock_acquire(&process_list_lock);
    while ((found = nearest_locked(id)) != NULL && !object_try_get(&found->object)) {
        id = found->object.id + 1; /* it waits for this lock to leave the list */
    }
    spinlock_release(&process_list_lock);
    return found;
}

/* Threads are added up where they are, as nothing on the way of a switch should know of processes. */
uint64_t process_ticks(struct process *process)
{
    spinlock_acquire(&process->lock);
    uint64_t ticks = process->ticks_of_ended;
    list_for_each (node, &process->threads) {
        ticks += thread_ticks(LIST_ENTRY(node, struct thread, process_link));
    }
    spinlock_release(&process->lock);
    return ticks;
}

status_t process_wait(struct process *process, ns_t deadline, uint64_t *out_code,
                      uint64_t *out_fault)
{
    for (;;) {
        spinlock_acquire(&process->exit.lock);
        if (process->ended) {
            break;
        }
        status_t status =
            wait_queue_wait_locked(&process->exit, deadline, TRACE_THREAD_STATE_JOIN, process);
        if (status != OK) {
            return status;
        }
    }
    spinlock_release(&process->exit.lock);
    *out_code = process->code;
    *out_fault = process->fault;
    return OK;
}

void process_destroy(struct object *object)
{
    struct process *process = CONTAINER_OF(object, struct process, object);
    spinlock_acquire(&process_list_lock);
    list_remove(&process->all_link);
    spinlock_release(&process_list_lock);
    if (!process->ended) {
        /* Never had a thread: nobody ran its end. */
        handle_table_close(&process->handles);
        space_destroy(process->space);
    }
    process_set_supervisor(process, NULL, 0);
    handle_table_free(&process->handles);
    quota_put(process->quota);
    cache_free(process_cache, process);
}

/* Emitters get here. */
NOT_TRACED uint32_t hook_current_process(void)
{
    const struct thread *thread = this_cpu()->current;
    return thread == NULL || thread->process == NULL ? 0 : (uint32_t)thread->process->object.id;
}
