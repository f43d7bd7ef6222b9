/* SPDX-License-Identifier: MIT */
/* Processes: an address space, a handle table, threads. */
#pragma once

#include "object/handle.h"
#include "sched/thread.h"
#include "sched/wait_queue.h"

struct space;

/* (c) constant after create  (p) lock  (a) atomic */
struct process {
    struct object object; /* (c) object.id is the process id */
    struct space *space;  /* (c) NULL after its end */
    paddr_t root;         /* (c) */
    struct handle_table handles;
    struct quota *quota; /* (p) with a reference; changes before the first thread only */
    struct spinlock lock;
    struct list threads;       /* (p) thread.process_link, living ones */
    uint32_t thread_count;     /* (p) */
    uint8_t priority_ceiling;  /* (a) highest priority of its threads */
    uint32_t space_users;      /* (p) calls of others that work on its space just now */
    bool started;              /* (p) has had a thread */
    bool is_resident;          /* (a) nothing of it is paged out */
    bool has_reserve;          /* (a) may take memory that is kept for the pager */
    bool is_paused;            /* (p) its threads stand still */
    bool ending;               /* (p) no new threads */
    bool ended;                /* (exit.lock) its space and handles are gone */
    uint64_t ticks_of_ended;   /* (p) that threads had which have ended */
    uint64_t code;             /* (p) exit code */
    uint32_t fault;            /* (p) exception vector + 1 that ended it, 0 none */
    struct object *supervisor; /* (p) mailbox that gets its faults, with a reference; NULL none */
    uint64_t supervisor_badge; /* (p) */
    struct wait_queue exit;    /* who waits for its end */
    struct list all_link;      /* process_list */
    char name[NAME_BYTES];     /* (c) */
};

/* Every process that is not freed, for kdebug; process_list_lock. */
extern struct list process_list;
extern struct spinlock process_list_lock;

void process_init(void);
/* process_create() - one reference for the caller. ERR_NO_MEMORY. */
status_t process_create(const char *name, struct process **out) MUST_CHECK;
/* process_set_ceiling() - the highest priority that its threads may get from now on; those that are higher stay. ERR_RANGE: none
 * such, or above the caller's own. */
status_t process_set_ceiling(struct process *process, unsigned priority) MUST_CHECK;
/* process_set_supervisor() - the mailbox that gets its threads' faults, which see badge; NULL: none. Takes its own reference.
 * process_supervisor_get() - with a reference for the caller; NULL none. Take PROCESS. */
void process_set_supervisor(struct process *process, struct object *mailbox, uint64_t badge);
struct object *process_supervisor_get(struct process *process, uint64_t *out_badge);
/* process_kill() - end it: threads leave at their next return to user mode or wait. First code wins. Thread context. */
void process_kill(struct process *process, uint64_t code, uint32_t fault);
/* process_set_quota() - an account of its own, charged to the caller's; ERR_QUOTA, ERR_BUSY: has had a thread or a handle. */
status_t process_set_quota(struct process *process, const uint64_t limit[QUOTA_KINDS]) MUST_CHECK;
void process_get_quota(struct process *process, enum quota_kind kind, uint64_t *out_used,
                       uint64_t *out_limit);
/* process_stop() - on return none of its threads executes anything in user mode until process_go_on(), as thread_stop() says.
 * @reason  THREAD_PENDING_PAUSED, also for threads that it gets later; THREAD_PENDING_HELD, for kdebug: those run */
void process_stop(struct process *process, unsigned reason);
void process_go_on(struct process *process, unsigned reason);
/* process_find() - the process with this id, with a reference for the caller; NULL: there is none that has had a thread. (The last
 * reference to another one is long work.) Takes PROCESS_LIST. */
struct process *process_find(uint32_t id);
/* process_from() - the one with this id or the next higher one, with a reference; NULL: none. Cost: the list. */
struct process *process_from(uint32_t id);
/* process_ticks() - TSC ticks that its threads have had so far. Cost: its threads, under PROCESS. */
uint64_t process_ticks(struct process *process);
status_t process_wait(struct process *process, ns_t deadline, uint64_t *out_code,
                      uint64_t *out_fault) MUST_CHECK;
void process_destroy(struct object *object);
/* process_space_get() - the space, which stays until process_space_put(); NULL: the process is ending. Takes PROCESS.
 * process_space_put() may be the one to tear the process down. Thread context, no lock held. */
struct space *process_space_get(struct process *process);
void process_space_put(struct process *process);
/* process_thread_gone() - a thread leaves; the last one tears the process down: handles, space. On the kernel's page tables. */
void process_thread_gone(struct process *process, struct thread *thread, uint64_t code);

/* The look-ups of the generated system-call wrappers, in the current process: type, lease and rights checked. */

/* handle_get() - the object, with a reference. */
status_t handle_get(uint64_t handle, enum object_type type, uint32_t rights,
                    struct object **out) MUST_CHECK;

/* handle_get_entry() - a copy of the entry with references, for calls that need its type, rights or badge, or pass it on.
 * handle_entry_put() drops them. */
status_t handle_get_entry(uint64_t handle, enum object_type type, uint32_t rights,
                          struct handle_entry *out) MUST_CHECK;

/*
 * handle_peek() - the entry, without lock or reference: the caller locks the object and asks handle_is_current(). NULL: *out_status
 * says why. handle_peek_fast() - the same for what most handles are, good and under no lease: NULL: ask handle_peek().
 * Inline: it is part of every message. handle_peek_fast_of() - for a caller that knows its process.
 */
static inline struct handle_entry *handle_peek_fast_of(const struct process *process,
                                                       uint64_t handle, enum object_type type,
                                                       uint32_t rights)
{
    struct handle_entry *entry = handle_find(&process->handles, handle);
    bool is_good = entry != NULL && entry->type == type && (entry->rights & rights) == rights;
    return LIKELY(is_good) ? entry : NULL;
}

static inline struct handle_entry *handle_peek_fast(uint64_t handle, enum object_type type,
                                                    uint32_t rights)
{
    return handle_peek_fast_of(current_thread()->process, handle, type, rights);
}

static inline struct handle_entry *handle_peek(uint64_t handle, enum object_type type,
                                               uint32_t rights, status_t *out_status)
{
    struct handle_entry *entry = handle_find(&current_thread()->process->handles, handle);
    *out_status = entry == NULL ? ERR_BAD_HANDLE : handle_check(entry, type, rights);
    return *out_status == OK ? entry : NULL;
}
