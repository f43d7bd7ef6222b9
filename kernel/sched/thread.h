/* SPDX-License-Identifier: MIT */
/*
 * Threads: their life, and how they wait and are woken.
 *
 * Waiting. Every wait has a *ticket*, a number never used before: seq << 20 | slot of the thread. The waiter stores it
 * in thread->ticket, makes itself findable (a queue, a deadline, a reply token), and calls thread_wait(). Whoever wants to
 * wake it must first claim the ticket: one compare-and-swap from the ticket to 0. Exactly one claimer wins: a message,
 * a reply, a time-out, a cancellation; the losers see that the wait is over and leave the thread alone.
 *
 * T1  ticket != 0 exactly while the thread waits or is about to. Who claimed it owns the wake-up and makes it ready once.
 * T2  A thread that a claimer found still on its way out of a core (on_cpu) is queued on that same core, whose next pick comes
 *     after the switch; only a thread with on_cpu == 0 may be run elsewhere. So who wakes never waits
 *     for another core's switch. (Who writes to the registers of a thread it claimed does: M6 in ipc/mailbox.c.)
 * T3  A thread is in at most one run queue, and only when ready. Waiters take themselves off their wait queue if the claimer
 *     did not.
 * T4  Killing sets thread->pending, runs a rendezvous, then claims tickets: a waiter that did not see pending has its ticket
 *     visible by then, without a fence on the waiting side.
 */
#pragma once

#include "arch/context.h"
#include "base/list.h"
#include "gen/layout.h"
#include "gen/trace_events.h"
#include "mm/page_table.h"
#include "object/object.h"
#include "sched/times.h"
#include "sched/wait_queue.h"

struct process;
struct mailbox;

#define THREAD_SLOT_BITS        20u
#define THREAD_MAX              8192u
#define THREAD_PRIORITIES       32u /* 31 is the most urgent, from 16 on real time: sched/feedback.h */
#define THREAD_PRIORITY_DEFAULT 8u

/* MOVING: off to another core's queue, to which the switch away from it sends it. */
enum thread_run { THREAD_READY, THREAD_RUNNING, THREAD_BLOCKED, THREAD_MOVING, THREAD_DEAD };

/* What others ask of a thread. */
#define THREAD_PENDING_KILL    1u  /* ends when it next leaves the kernel or would wait */
#define THREAD_PENDING_SUSPEND 4u  /* stops when it next leaves the kernel */
#define THREAD_PENDING_HELD    8u  /* the same, for kdebug: no reason undoes another */
#define THREAD_PENDING_PAUSED  16u /* the same, with its whole process */
#define THREAD_PENDING_STOP    (THREAD_PENDING_SUSPEND | THREAD_PENDING_HELD | THREAD_PENDING_PAUSED)
#define THREAD_PENDING_MOVE                                                                        \
    2u /* looks whether it may stay on its core when it next leaves the kernel */

/* What a switch to or from a thread has to care for beyond the common (thread_special.c). */
#define THREAD_SPECIAL_EXEMPT 1u /* consumes the trace: has a lane that takes nothing */
#define THREAD_SPECIAL_FPU    2u /* its FPU state is in the registers of its core */
#define THREAD_SPECIAL_BASES  4u /* has an FS or GS base */

#define THREAD_LANDINGS 2u /* servers take turns with two buffers */

/* Room for the largest of ipc/: event.h, futex.h. */
#define THREAD_CONDITION_WORDS 9u

/* A place in a core's deadline heap. */
struct deadline {
    ns_t when;
    uint64_t ticket;                          /* of the wait that it ends */
    struct deadline *child, *next, *previous; /* pairing heap */
    uint16_t cpu;                             /* whose heap, if armed */
    bool armed;
};

/*
 * (c) constant after create  (s) own thread only  (a) atomic  (q) lock of the queue it is in  (o) core that runs it
 * (t) written by whoever holds its claimed ticket  (w) lock of what it waits for
 */
struct thread {
    struct object object;     /* (c) */
    struct context context;   /* (o) valid while it does not run */
    vaddr_t stack_top;        /* (c) */
    struct trap_frame *frame; /* (c) user registers, valid in the kernel */
    struct process *process;  /* (c) NULL: kernel thread */
    paddr_t root;             /* (c) page tables it runs on; TLB_ROOT_ANY: none of its own */
    _Atomic uint64_t ticket;  /* (a) T1 */
    uint64_t next_ticket;     /* (s) survives reuse of the slot */
    uint32_t slot;            /* (c) */
    uint32_t tid;             /* (c) 24 bits, never reused; 0 idle */
    union {
        struct {
            atomic_ushort pending; /* (a) THREAD_PENDING_* */
            uint16_t special;      /* (s) THREAD_SPECIAL_* */
        };
        uint32_t unusual; /* both, so that a switch looks at one word for each thread */
    };
    atomic_uint on_cpu;       /* (a) T2 */
    uint16_t cpu;             /* (t) home core */
    uint8_t priority;         /* (a) 0 to THREAD_PRIORITIES - 1 */
    uint8_t level;            /* (o,t) where feedback has brought it, see sched/feedback.h */
    uint8_t queued;           /* (q) level of the list it is in or was taken from */
    bool pinned;              /* (a) affinity leaves cores out */
    uint32_t affinity;        /* (a) bit per core it may run on */
    uint8_t run;              /* (o,t) enum thread_run */
    uint8_t wait;             /* (s) enum trace_thread_state while blocked: why */
    status_t wake_status;     /* (t) result of the wait */
    struct list run_link;     /* (q) run queue */
    struct list wait_link;    /* (q) queue of what it waits for */
    struct deadline deadline; /* (q) heap lock */
    tsc_t ready_since;        /* (q) when it was queued */
    tsc_t slice_left;         /* (o,q) rest of a slice cut short, 0: a new one is due */
    int64_t ticks;            /* (o) TSC ticks it has had; while it runs less the start: negative */
    struct thread_count count; /* (s) where it had them, if somebody asked */
    void *fpu;                 /* (s) saved FPU state, NULL until it has used the FPU */
    vaddr_t fs_base, gs_base;  /* (s) of user mode */
    /* message in flight, see ipc/mailbox.c */
    struct mailbox *served_by; /* (m) lock of that mailbox: whose `served` list it is on, or NULL */
    void *wait_object;         /* (s) what it waits for, for kdebug; NULL: only time */
    uint64_t call;             /* (s) id of the call it makes: its ticket */
    uint64_t serving;          /* (s) id of the call it received last */
    /* (s) its last receive buffers, found present; charged to QUOTA_PINS, as the other: ipc/pins.h */
    struct residence landing[THREAD_LANDINGS];
    uint32_t queued_pins;                       /* (s) pages of the message that it queues with */
    uint64_t condition[THREAD_CONDITION_WORDS]; /* (w) what it waits for while parked: ipc/ */
    uint64_t lent_by;         /* (a) id of a call that waits for it to receive, see sched/lend.c */
    struct list process_link; /* process->lock */
    struct wait_queue exit;   /* who waits for its end */
    uint64_t code;            /* (exit.lock) what it ended with, or was killed with */
    bool ended;               /* (exit.lock) its stack is given back */
    char name[NAME_BYTES];    /* (c) */
};

/* Threads by slot, for kdebug and reply tokens; entries are set once and never cleared (type-stable memory). */
extern struct thread *thread_slots[THREAD_MAX];
extern atomic_uint thread_slot_count;

void thread_init(void);

struct thread_start {
    vaddr_t entry, stack;
    uint64_t argument;
    unsigned priority; /* 0 .. THREAD_PRIORITIES-1 */
    int cpu;           /* the only core it runs on, -1 any */
    const char *name;
};

/* thread_create() - a thread of a process, made ready. One reference for the caller. ERR_NO_MEMORY, ERR_TABLE_FULL, ERR_PEER_CLOSED. */
status_t thread_create(struct process *process, const struct thread_start *start,
                       struct thread **out) MUST_CHECK;

/* thread_create_idle() - the idle thread of a core; its stack is the one that core booted on. */
struct thread *thread_create_idle(unsigned cpu);

/* thread_become_idle() - leave the boot stack of this core, which has no guard page, for a kernel stack, and go on in entry as the
 * core's idle thread. Boot only, after heap_init(). entry must not return. */
NORETURN void thread_become_idle(void (*entry)(void *argument), void *argument);

/* thread_exit() - end the current thread; the last one tears its process down. A code given by thread_kill() comes first. */
NORETURN void thread_exit(uint64_t code);

void thread_destroy(struct object *object);

/* thread_pins() - the pages charged to QUOTA_PINS for it. Own thread, or one that does not run. */
static inline uint64_t thread_pins(const struct thread *thread)
{
    uint64_t pages = thread->queued_pins;
    for (unsigned i = 0; i < THREAD_LANDINGS; i++) {
        pages += pages_spanned(thread->landing[i].va, thread->landing[i].bytes);
    }
    return pages;
}

/* thread_ticket() - begin a wait: a new ticket, stored. Before the thread can be found by anybody. */
static inline uint64_t thread_ticket(struct thread *self, enum trace_thread_state why, void *object)
{
    uint64_t ticket = self->next_ticket;
    self->next_ticket = ticket + (1ull << THREAD_SLOT_BITS);
    self->wait = (uint8_t)why;
    self->wait_object = object;
    self->run = THREAD_BLOCKED;
    atomic_store_explicit(&self->ticket, ticket, memory_order_release);
    return ticket;
}

/* thread_next_ticket() - what the thread's next thread_ticket() will be: the id of a call before it waits. */
static inline uint64_t thread_next_ticket(const struct thread *self)
{
    return self->next_ticket;
}

/* thread_skip_ticket() - what thread_next_ticket() said has been used without a wait. */
static inline void thread_skip_ticket(struct thread *self)
{
    self->next_ticket += 1ull << THREAD_SLOT_BITS;
}

/* thread_claim() - win the right to end a wait. False: it is over already. Cost: one locked instruction. */
static inline bool thread_claim(struct thread *thread, uint64_t ticket)
{
    return atomic_compare_exchange_strong_explicit(&thread->ticket, &ticket, 0,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

/*
 * thread_wait() - give the core up until the ticket is claimed, or the deadline passes.
 *
 * @deadline  absolute ns, DEADLINE_FOREVER none. 0 must have been handled by the caller.
 * Returns the claimer's status; ERR_TIMED_OUT; ERR_CANCELLED when the thread is being ended.
 * Context: thread, no lock held. Afterwards the caller takes itself off the queue if it still is on it.
 */
status_t thread_wait(struct thread *self, uint64_t ticket, ns_t deadline);

/* thread_ready() - after a successful claim: give the wait's result and queue the thread on its home core; IPI only if that
 * changes what runs there. Context: interrupts off; takes RUN_QUEUE. */
void thread_ready(struct thread *thread, status_t status, enum trace_wake_reason reason);

/* thread_level() - what it counts for among ready threads: its own level, or that of who waits for it. */
unsigned thread_level_lent(const struct thread *thread);
static inline unsigned thread_level(const struct thread *thread)
{
    return LIKELY((thread->serving | thread->lent_by) == 0) ? thread->level
                                                            : thread_level_lent(thread);
}

/* thread_lend() - a caller queues, waiting with this ticket, for a thread that is busy: until that wait ends, the thread counts
 * for as much as the caller. The most urgent so far stays. Takes RUN_QUEUE. */
void thread_lend(struct thread *thread, const struct thread *caller, uint64_t ticket);

/*
 * thread_set_priority() - a new priority; a queued thread moves at once, a running one is looked at
 * when its slice ends or something else becomes ready. ERR_RANGE: none such, or above the ceiling
 * of its process. thread_set_affinity() - the cores it may run on; on return it runs on no other.
 * ERR_RANGE: none of them exists. thread_ticks() - TSC ticks it has had so far.
 */
status_t thread_set_priority(struct thread *thread, unsigned priority) MUST_CHECK;
status_t thread_set_affinity(struct thread *thread, uint32_t cores) MUST_CHECK;
uint64_t thread_ticks(const struct thread *thread);

/*
 * thread_kill() - end a thread, whatever it does, on its next way to user mode or into a wait. The
 * first code wins. thread_stop() - on return it executes nothing in user mode until thread_go_on() for each reason
 * (THREAD_PENDING_STOP) there has been; what it does in the kernel it finishes, and a wait goes on. Not counted.
 * Context: thread, no lock held. A thread that has ended is left alone.
 */
void thread_kill(struct thread *thread, uint64_t code);
/* thread_mark_killed() - the first half of it, for who ends many: then a rendezvous, then thread_cancel(). */
void thread_mark_killed(struct thread *thread, uint64_t code);
void thread_stop(struct thread *thread, unsigned reason);
void thread_go_on(struct thread *thread, unsigned reason);
/* thread_mark_stopped() - the first half, for who stops many: then a rendezvous. */
void thread_mark_stopped(struct thread *thread, unsigned reason);

/* thread_find() - the thread with this tid, with a reference for the caller, also while it ends; NULL: there is none. For kdebug:
 * looks at every slot. */
struct thread *thread_find(uint32_t tid);

/* thread_stay_suspended() - the current thread waits until nobody wants it to stop any more, or its end. */
void thread_stay_suspended(struct thread *self);

/* thread_join() - wait until a thread has ended and its stack is given back. OK with its code, ERR_TIMED_OUT, ERR_CANCELLED. */
status_t thread_join(struct thread *thread, ns_t deadline, uint64_t *out_code) MUST_CHECK;

/* thread_cancel() - end whatever wait the thread is in, with ERR_CANCELLED. False: it is in none. */
bool thread_cancel(struct thread *thread);

void thread_yield(void);

/*
 * thread_fpu_begin() - #NM: give the current thread its FPU state, a fresh one at its first use.
 * ERR_NO_MEMORY. thread_set_bases() - FS and GS base of its user mode; lower-half addresses.
 * thread_set_exempt() - it consumes the trace: nothing but its switches and wake-ups is recorded.
 * Context: current thread, interrupts off.
 */
status_t thread_fpu_begin(void) MUST_CHECK;
void thread_set_bases(vaddr_t fs, vaddr_t gs);
void thread_set_exempt(bool exempt);

/* preempt_point() - in long kernel work, no lock held, nothing per-core kept across it: interrupts get a chance, and a more
 * urgent thread the core. The caller revalidates what it knew. Thread context. */
void preempt_point(void);
